import { join } from 'node:path';
import { programOutput } from './program-output.js';

export interface Python {
  readonly path: string;
  readonly version: string;
  /** Version of PyTorch, as "2.15.0+cu130"; null without it. */
  readonly torch: string | null;
}

// Importing torch takes seconds; its package's metadata says as much.
const QUESTION = `
import importlib.metadata, json, platform, sys
try: torch = importlib.metadata.version("torch")
except importlib.metadata.PackageNotFoundError: torch = None
print(json.dumps({"path": sys.executable, "version": platform.python_version(), "torch": torch}))
`;

/** The Python that comparisons with PyTorch would run in: of the active environment, else on PATH; one with torch before one without. */
export async function findPython(): Promise<Python | null> {
  const { VIRTUAL_ENV } = process.env;
  const bin = process.platform === 'win32' ? 'Scripts' : 'bin';
  const programs = [...(VIRTUAL_ENV ? [join(VIRTUAL_ENV, bin, 'python')] : []), 'python3', 'python'];
  const found: Python[] = [];
  for (const program of programs) {
    const text = await programOutput(program, ['-c', QUESTION]);
    if (text) found.push(JSON.parse(text));
  }
  return found.find(({ torch }) => torch !== null) ?? found[0] ?? null;
}
