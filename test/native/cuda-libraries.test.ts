import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { findCudaLibraries, preload } from '../../src/addon/cuda-libraries/load.js';
import { DRIVER } from '../../src/addon/cuda-libraries/needed.js';
import { thisMachine } from '../../src/addon/cuda-libraries/places.js';
import { installedTraining } from '../../src/ort/installed.js';
import { isolated } from './isolated.js';
import type { CudaSession } from './scenarios/cuda-libraries.js';

const search = process.env.FLATMIN_CUDA_LIBRARIES ? findCudaLibraries() : undefined;
const lacking = search?.missing.filter(({ library }) => library !== DRIVER) ?? [];

const whyNot = !search
  ? 'FLATMIN_CUDA_LIBRARIES does not name the folders of the CUDA libraries'
  : lacking.length > 0
    ? `${lacking.map(({ file }) => file).join(', ')} not found`
    : undefined;

function skips(t: ExecutionContext, reason: string | undefined): boolean {
  if (reason === undefined) return false;
  t.log(`Skipped: ${reason}.`);
  t.pass();
  return true;
}

test('the CUDA libraries load, then the CUDA provider; without a GPU that ends with one error', async (t) => {
  if (skips(t, whyNot)) return;
  if (skips(t, installedTraining(true) ? undefined : 'no training build with CUDA is installed')) return;
  const { loaded, hasDriver, error } = await isolated<CudaSession>(t, 'cuda-libraries', 'cudaSession');
  t.true(loaded.length >= search!.found.length);
  if (hasDriver && error === null) return;
  t.true(error!.isExpected);
  t.regex(error!.message, /CUDA failure \d+/, 'the provider was loaded, and called CUDA');
});

for (const { library, path } of search?.found.filter((each) => each.library !== DRIVER) ?? []) {
  test(`${library.name} hidden from the others: an error of its own`, async (t) => {
    if (skips(t, whyNot)) return;
    const folder = await mkdtemp(join(tmpdir(), 'flatmin-cuda-'));
    t.teardown(() => rm(folder, { recursive: true }));
    for (const source of new Set(search!.found.map((each) => dirname(each.path)))) {
      const names = (await readdir(source)).filter(
        (name) => /^lib(cu|nv)/.test(name) && name !== basename(path),
      );
      for (const name of names) await symlink(join(source, name), join(folder, name)).catch(() => {});
    }
    const { missing, places } = findCudaLibraries({
      ...thisMachine(),
      env: { FLATMIN_CUDA_LIBRARIES: folder },
      list: (each) => (each.startsWith(folder) ? thisMachine().list(each) : []),
      output: () => undefined,
    });
    const others = missing.filter((each) => each.library !== DRIVER);
    const error = t.throws(() => preload({ found: [], missing: others, places }, () => t.fail()));
    t.regex(
      error.message,
      new RegExp(`missing:\n  ${basename(path).replaceAll('.', '\\.')}: .*\nLooked in:\n`),
    );
    t.true(error.message.includes(folder));
  });
}
