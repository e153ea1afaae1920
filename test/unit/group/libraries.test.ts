import test from 'ava';
import type { Machine } from '../../../src/addon/cuda-libraries/places.js';
import { launcherFor } from '../../../src/group/launcher-for.js';
import { launcherOf } from '../../../src/group/launchers.js';
import { findMpi } from '../../../src/group/libraries.js';

const machine = (
  files: Readonly<Record<string, readonly string[]>>,
  env: NodeJS.ProcessEnv = {},
  prefix?: string,
): Machine => ({
  platform: 'linux',
  arch: 'x64',
  env,
  list: (folder) => files[folder] ?? [],
  output: (program) =>
    program === 'python3' && prefix ? JSON.stringify([prefix, '/home/u/.local']) : undefined,
});

const mpich = { '/m/lib': ['libmpi.so.12', 'libmpi_abi.so.1'], '/m/bin': ['mpiexec'] };

test('FLATMIN_MPI is a file, a folder of libraries, or an installation', (t) => {
  for (const named of ['/m/lib/libmpi_abi.so.1', '/m/lib', '/m']) {
    const { found } = findMpi(undefined, machine(mpich, { FLATMIN_MPI: named }));
    t.deepEqual(found[0], { path: '/m/lib/libmpi_abi.so.1', abi: 'standard', origin: 'FLATMIN_MPI' }, named);
  }
});

test("beside mpiexec on PATH, and in Python's environment, in this order", (t) => {
  const files = { ...mpich, '/venv/lib': ['libmpi.so.40'] };
  const { found } = findMpi(undefined, machine(files, { PATH: '/usr/bin:/m/bin' }, '/venv'));
  t.deepEqual(
    found.map(({ path, origin }) => [path, origin]),
    [
      ['/m/lib/libmpi_abi.so.1', 'beside mpiexec on PATH'],
      ['/m/lib/libmpi.so.12', 'beside mpiexec on PATH'],
      ['/venv/lib/libmpi.so.40', 'environment of python3'],
    ],
  );
});

test("Debian's MPICH is found under its name, and started by its launcher where Open MPI's stands beside it", (t) => {
  const folder = '/usr/lib/x86_64-linux-gnu';
  const files = {
    [folder]: ['libmpi.so.40', 'libmpich.so.12'],
    '/usr/bin': ['mpiexec', 'mpiexec.mpich', 'mpiexec.openmpi'],
  };
  const path = `${folder}/libmpich.so.12`;
  for (const env of [{ LD_LIBRARY_PATH: folder }, { FLATMIN_MPI: path }]) {
    const debian = machine(files, env);
    const library = findMpi(['mpich'], debian).found.find((each) => each.path === path);
    t.is(library?.abi, 'mpich');
    t.is(launcherFor(library!, debian)?.program, '/usr/bin/mpiexec.mpich');
  }
  t.is(findMpi(undefined, machine(files, { FLATMIN_MPI: path })).found[0]?.abi, 'mpich');
});

test('only libraries of the interfaces asked for are found, and all places are told', (t) => {
  const { found, places } = findMpi(['openmpi'], machine(mpich, { FLATMIN_MPI: '/m' }));
  t.deepEqual(found, []);
  t.deepEqual(places[0], { origin: 'FLATMIN_MPI', folders: ['/m', '/m/lib'] });
  t.is(places.find(({ origin }) => origin === 'LD_LIBRARY_PATH')?.note, 'not set');
});

test('the launcher is known by its variables: an inner one before srun', (t) => {
  t.is(launcherOf({}), undefined);
  t.is(launcherOf({ SLURM_NTASKS: '4', SLURM_STEP_NUM_TASKS: '1' })?.size, 1, 'a batch script alone');
  t.is(launcherOf({ SLURM_STEP_NUM_TASKS: '4' })?.launcher.name, 'srun');
  const nested = launcherOf({ SLURM_STEP_NUM_TASKS: '1', PMI_SIZE: '8' });
  t.deepEqual([nested?.launcher.abis[0], nested?.size], ['standard', 8]);
  t.is(launcherOf({ OMPI_COMM_WORLD_SIZE: '2', PMI_SIZE: '2' })?.launcher.abis[0], 'openmpi');
});

test("ranks are started by the library's own launcher before that on PATH", (t) => {
  const files = { ...mpich, '/usr/bin': ['mpiexec', 'mpiexec.openmpi'] };
  const found = (path: string, abi: 'standard' | 'openmpi') =>
    launcherFor({ path, abi, origin: '' }, machine(files, { PATH: '/usr/bin' }))?.program;
  t.is(found('/m/lib/libmpi_abi.so.1', 'standard'), '/m/bin/mpiexec');
  t.is(found('/usr/lib/x86_64-linux-gnu/libmpi.so.40', 'openmpi'), '/usr/bin/mpiexec.openmpi');
  t.is(launcherFor({ path: '/q/lib/libmpi.so.12', abi: 'mpich', origin: '' }, machine({})), undefined);
});
