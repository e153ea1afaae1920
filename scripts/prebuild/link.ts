import { execFile, execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { ENTRIES, NODE_EXE, type Target } from './targets.js';
import { nodeExports, type Tools } from './tools.js';

const run = promisify(execFile);
const maxBuffer = 2 ** 26;

/** Links objects to an addon that shows Node its entries and nothing else, without what they do not lead to; what the linker is told lies in `folder`. */
export async function link(
  target: Target,
  objects: readonly string[],
  tools: Tools,
  folder: string,
  output: string,
): Promise<void> {
  const zig = (out: string, flags: readonly string[], env = {}) =>
    run(tools.zig, ['c++', '-target', target.zig, '-shared', '-s', '-o', out, ...objects, ...flags], {
      maxBuffer,
      env: { ...process.env, ...env },
    });
  const list = join(folder, 'entries');
  if (target.dlltool) {
    const [definitions, library] = [join(folder, 'node.def'), join(folder, 'node.lib')];
    writeFileSync(definitions, nodeExports());
    execFileSync(tools.zig, ['dlltool', '-m', target.dlltool, '-d', definitions, '-l', library]);
    const first = join(folder, 'addon.dll');
    const { stderr } = await zig(first, [library], { ZIG_VERBOSE_LINK: '1' });
    await run(tools.zig, delayed(stderr, first, output), { maxBuffer });
  } else if (target.platform.startsWith('darwin')) {
    writeFileSync(list, ENTRIES.map((name) => `_${name}\n`).join(''));
    // Node's functions are found when it loads the addon.
    await zig(output, [
      '-Wl,-dead_strip',
      '-Wl,-undefined,dynamic_lookup',
      `-Wl,-exported_symbols_list,${list}`,
    ]);
  } else {
    writeFileSync(list, `{ global: ${ENTRIES.map((name) => `${name};`).join(' ')} local: *; };\n`);
    await zig(output, ['-Wl,--gc-sections', `-Wl,--version-script=${list}`, '-ldl', '-pthread']);
  }
}

/** zig's command of the linker, with Node's functions looked for at their first call: zig itself has no flag for that. */
function delayed(said: string, first: string, output: string): readonly string[] {
  const command = said.split('\n').find((line) => line.startsWith('lld-link '));
  if (!command?.includes(` -OUT:${first} `))
    throw new Error(`zig does not say how it links ${relative('.', first)}:\n${said.slice(-2000)}`);
  const args = command.trim().split(' ');
  return [...args.map((arg) => (arg === `-OUT:${first}` ? `-OUT:${output}` : arg)), `-DELAYLOAD:${NODE_EXE}`];
}
