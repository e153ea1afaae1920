import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { FlatminError } from '../../errors.js';

const run = promisify(execFile);
const CHECK = 'import importlib.util as u, sys; sys.exit(0 if u.find_spec("torch") else 3)';

/**
 * A Python that has PyTorch.
 * @param choice its command; default python3, then python, on the PATH
 * @throws FlatminError NOT_FOUND that tells what was tried and how to mend it
 */
export async function findTorch(choice?: string): Promise<string> {
  const tried: string[] = [];
  for (const command of choice === undefined ? ['python3', 'python'] : [choice]) {
    const reason = await lacks(command);
    if (reason === undefined) return command;
    tried.push(`${command} ${reason}`);
  }
  throw new FlatminError(
    'NOT_FOUND',
    `The comparison needs Python with PyTorch: ${tried.join('; ')}. Install it (pip install torch), or name another Python: --python PATH.`,
  );
}

async function lacks(command: string): Promise<string | undefined> {
  try {
    await run(command, ['-c', CHECK]);
    return undefined;
  } catch (error) {
    const { code } = error as { code?: string | number };
    if (code === 3) return 'has no PyTorch';
    return code === 'ENOENT' ? 'is not there' : `does not run (${(error as Error).message.trim()})`;
  }
}
