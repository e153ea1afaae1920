import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { link } from './link.js';
import type { Recipe } from './recipe.js';
import type { Target } from './targets.js';
import { nodeApiInclude, type Tools } from './tools.js';

const run = promisify(execFile);

/** Folders of `native` that convert and hand on, and compute nothing: compiled for size. */
const COLD = /^native\/(api|base|cuda|mpi|ort)\//;

/** Compiles and links the addon of a platform; objects and what the linker is told lie in `folder`. */
export async function compile(
  target: Target,
  recipe: Recipe,
  tools: Tools,
  folder: string,
  output: string,
): Promise<void> {
  const flags = ['-fPIC', '-fvisibility=hidden', ...recipe.flags];
  const includes = [nodeApiInclude, ...recipe.includes].map((path) => `-I${path}`);
  const sources = [...recipe.sources.map((path) => join('native', path)), ...(target.sources ?? [])];
  const objectOf = (source: string) => join(folder, source.replace(/\.cc$/, '.o'));
  await forEach(sources, async (source) => {
    mkdirSync(dirname(objectOf(source)), { recursive: true });
    const { stderr } = await zig(tools, target, [
      '-c',
      ...flags,
      ...(COLD.test(source) ? ['-Os'] : []),
      ...(target.sources?.includes(source) ? ['-fvisibility-global-new-delete=force-hidden'] : []),
      ...includes,
      '-o',
      objectOf(source),
      source,
    ]);
    if (stderr) console.error(stderr);
  });
  mkdirSync(dirname(output), { recursive: true });
  await link(target, sources.map(objectOf), tools, folder, output);
}

const zig = (tools: Tools, target: Target, args: readonly string[]) =>
  run(tools.zig, ['c++', '-target', target.zig, ...args], { maxBuffer: 2 ** 26 });

/** As many at a time as there are processors. */
async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}
