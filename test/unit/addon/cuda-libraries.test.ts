import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix, win32 } from 'node:path';
import test from 'ava';
import { findCudaLibraries, preload } from '../../../src/addon/cuda-libraries/load.js';
import { type Machine, thisMachine } from '../../../src/addon/cuda-libraries/places.js';
import { FlatminError } from '../../../src/errors.js';

const toolkit = [
  'libcudart.so.13',
  'libnvrtc.so.13',
  'libnvrtc-builtins.so.13.2',
  'libcublasLt.so.13',
  'libcublas.so.13',
];
const cudnn = [
  '',
  '_graph',
  '_ops',
  '_cnn',
  '_heuristic',
  '_engines_precompiled',
  '_engines_runtime_compiled',
].map((part) => `libcudnn${part}.so.9`);

interface Fake {
  platform?: NodeJS.Platform;
  env?: NodeJS.ProcessEnv;
  /** Files by folder. */
  folders?: Readonly<Record<string, readonly string[]>>;
  /** What programs print. */
  programs?: Readonly<Record<string, string>>;
}

/** A machine without a disk; `asked` are the programs that were run. */
function fakeMachine({ platform = 'linux', env = {}, folders = {}, programs = {} }: Fake) {
  const { dirname, basename } = platform === 'win32' ? win32 : posix;
  const tree = new Map<string, Set<string>>();
  const add = (path: string) => {
    const parent = dirname(path);
    if (parent === path) return;
    tree.set(parent, (tree.get(parent) ?? new Set()).add(basename(path)));
    add(parent);
  };
  for (const [folder, names] of Object.entries(folders)) {
    add(folder);
    for (const name of names) add(`${folder}${platform === 'win32' ? '\\' : '/'}${name}`);
  }
  const asked: string[] = [];
  const machine: Machine = {
    platform,
    arch: 'x64',
    env,
    list: (folder) => [...(tree.get(folder) ?? [])],
    output(program) {
      asked.push(program);
      return programs[program];
    },
  };
  return { machine, asked };
}

const pathsOf = (machine: Machine) => findCudaLibraries(machine).found.map(({ path }) => path);
const ldconfig = (path: string, flags = 'libc6,x86-64') =>
  `1 libs found in cache\n\t${posix.basename(path)} (${flags}) => ${path}\n`;

/** Everything is there: the driver where the loader looks, the rest as Python packages. */
const complete: Fake = {
  folders: {
    '/lib/x86_64-linux-gnu': ['libcuda.so.1', 'libc.so.6'],
    '/venv/lib/python3.12/site-packages/nvidia/cu13/lib': toolkit,
    '/venv/lib/python3.12/site-packages/nvidia/cudnn/lib': cudnn,
  },
  env: { VIRTUAL_ENV: '/venv' },
  programs: { ldconfig: ldconfig('/lib/x86_64-linux-gnu/libcuda.so.1') },
};

test('all libraries are found, in the order in which they can be loaded', (t) => {
  const { machine, asked } = fakeMachine(complete);
  const { found, missing } = findCudaLibraries(machine);
  t.deepEqual(missing, []);
  t.deepEqual(
    found.map(({ path, origin }) => `${posix.basename(path)} ${origin}`),
    [
      "libcuda.so.1 the loader's cache (ldconfig -p)",
      'libcudart.so.13 VIRTUAL_ENV',
      'libnvrtc.so.13 VIRTUAL_ENV',
      'libcublasLt.so.13 VIRTUAL_ENV',
      'libcublas.so.13 VIRTUAL_ENV',
      'libcudnn.so.9 VIRTUAL_ENV',
    ],
  );
  t.deepEqual(asked, ['ldconfig'], 'Python is not asked where nothing is missing');
});

test('the first place that has a library is taken', (t) => {
  const everything = ['libcuda.so.1', ...toolkit, ...cudnn];
  const python = JSON.stringify(['/usr/lib/python3/site-packages']);
  const places: [string, string][] = [
    ['/given', 'FLATMIN_CUDA_LIBRARIES'],
    ['/listed/cudnn/lib', 'FLATMIN_CUDA_LIBRARIES'],
    ['/home/lib64', 'CUDA_HOME'],
    ['/path/lib', 'CUDA_PATH'],
    ['/ld', 'LD_LIBRARY_PATH'],
    ['/lib/x86_64-linux-gnu', "the loader's cache (ldconfig -p)"],
    ['/usr/lib/wsl/lib', 'driver folders'],
    ['/venv/lib/python3.12/site-packages/nvidia/cu13/lib', 'VIRTUAL_ENV'],
    ['/conda/lib', 'CONDA_PREFIX'],
    ['/usr/lib/python3/site-packages/nvidia/cublas/lib', 'packages of python3'],
    ['/usr/local/cuda/lib64', 'CUDA toolkits'],
    ['/usr/local/cuda-13.10/lib64', 'CUDA toolkits'],
    ['/usr/local/cuda-13.9/lib64', 'CUDA toolkits'],
  ];
  for (const [i, [folder, origin]] of places.entries()) {
    const { machine } = fakeMachine({
      env: {
        FLATMIN_CUDA_LIBRARIES: '/given:/listed',
        CUDA_HOME: '/home',
        CUDA_PATH: '/path',
        LD_LIBRARY_PATH: '/ld',
        VIRTUAL_ENV: '/venv',
        CONDA_PREFIX: '/conda',
      },
      folders: Object.fromEntries(places.slice(i).map(([each]) => [each, everything])),
      programs: { ldconfig: ldconfig('/lib/x86_64-linux-gnu/libz.so.1'), python3: python },
    });
    const { found } = findCudaLibraries(machine);
    t.deepEqual(
      [...new Set(found.map((each) => `${posix.dirname(each.path)} ${each.origin}`))],
      [`${folder} ${origin}`],
    );
  }
});

test('what ldconfig has for another processor is no place', (t) => {
  const { machine } = fakeMachine({
    folders: { '/lib32': ['libcuda.so.1'] },
    programs: { ldconfig: ldconfig('/lib32/libcuda.so.1', 'libc6') },
  });
  t.deepEqual(pathsOf(machine), []);
});

for (const file of [
  'libcudart.so.13',
  'libnvrtc.so.13',
  'libcublasLt.so.13',
  'libcublas.so.13',
  'libcudnn.so.9',
]) {
  test(`without ${file}: an error of its own`, (t) => {
    const folders = Object.fromEntries(
      Object.entries(complete.folders!).map(([folder, names]) => [
        folder,
        names.filter((each) => each !== file),
      ]),
    );
    const { machine } = fakeMachine({ ...complete, folders });
    const error = t.throws(() => preload(findCudaLibraries(machine), () => t.fail('nothing is loaded')), {
      instanceOf: FlatminError,
    });
    t.is(error.code, 'NOT_FOUND');
    t.regex(
      error.message,
      new RegExp(`^CUDA libraries are missing:\n  ${file.replaceAll('.', '\\.')}: .*Python package nvidia-`),
    );
    t.is(error.message.match(/\.so\.\d+: /g)?.length, 1, 'no other is named');
    t.regex(error.message, /VIRTUAL_ENV: \/venv\/lib\/python3\.12\/site-packages\/nvidia\/cudnn\/lib/);
    t.regex(error.message, /CUDA_HOME: not set/);
    t.regex(error.message, /pip install nvidia-/);
  });
}

for (const part of [
  'libcudnn_ops.so.9',
  'libcudnn_engines_runtime_compiled.so.9',
  'libnvrtc-builtins.so.13.2',
]) {
  test(`a library whose part ${part} is not beside it is not whole`, (t) => {
    const folders = Object.fromEntries(
      Object.entries(complete.folders!).map(([folder, names]) => [
        folder,
        names.filter((each) => each !== part),
      ]),
    );
    const { machine } = fakeMachine({ ...complete, folders });
    const shown = part.replace('.13.2', '.13');
    t.throws(() => preload(findCudaLibraries(machine), () => {}), {
      message: new RegExp(
        `${shown.replaceAll('.', '\\.')}: .*, which belongs beside /venv/.*/lib(cudnn|nvrtc)\\.so`,
      ),
    });
  });
}

test('without a driver, that is said alone', (t) => {
  const { machine } = fakeMachine({});
  const error = t.throws(() => preload(findCudaLibraries(machine), () => {}), { instanceOf: FlatminError });
  t.regex(error.message, /^No NVIDIA driver: libcuda\.so\.1 was not found/);
  t.notRegex(error.message, /cudnn/);
  t.regex(error.message, /packages of python3: cannot be run/);
});

test('a library that cannot be loaded is named with the reason, and those after it are left', (t) => {
  const { machine } = fakeMachine(complete);
  const loaded: string[] = [];
  const load = (path: string) => {
    if (path.endsWith('libcublasLt.so.13')) throw new Error('wrong ELF class: ELFCLASS32');
    loaded.push(posix.basename(path));
  };
  const error = t.throws(() => preload(findCudaLibraries(machine), load), { instanceOf: FlatminError });
  t.is(error.code, 'RUNTIME');
  t.regex(
    error.message,
    /^cuBLASLt .* at \/venv\/.*\/libcublasLt\.so\.13, found through VIRTUAL_ENV, cannot be loaded: wrong ELF class/,
  );
  t.deepEqual(loaded, ['libcuda.so.1', 'libcudart.so.13', 'libnvrtc.so.13']);
});

test('Windows: the names and folders of that system', (t) => {
  const site = 'C:\\venv\\Lib\\site-packages\\nvidia';
  const parts = ['graph', 'ops', 'cnn', 'heuristic', 'engines_precompiled', 'engines_runtime_compiled'];
  const { machine } = fakeMachine({
    platform: 'win32',
    env: { VIRTUAL_ENV: 'C:\\venv', SystemRoot: 'C:\\Windows' },
    folders: {
      'C:\\Windows\\System32': ['nvcuda.dll'],
      [`${site}\\cu13\\bin\\x86_64`]: [
        'nvrtc64_130_0.dll',
        'nvrtc-builtins64_132.dll',
        'cublasLt64_13.dll',
        'cublas64_13.dll',
      ],
      [`${site}\\cudnn\\bin`]: ['cudnn64_9.dll', ...parts.map((part) => `cudnn_${part}64_9.dll`)],
    },
  });
  t.deepEqual(
    pathsOf(machine).map((path) => win32.basename(path)),
    ['nvcuda.dll', 'nvrtc64_130_0.dll', 'cublasLt64_13.dll', 'cublas64_13.dll', 'cudnn64_9.dll'],
  );
});

test('macOS has no CUDA', (t) => {
  const { machine } = fakeMachine({ platform: 'darwin' });
  t.throws(() => findCudaLibraries(machine), { message: /CUDA does not exist on darwin/ });
});

test('a file that is no library is refused with the reason of the loader', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'flatmin-cuda-'));
  t.teardown(() => rm(folder, { recursive: true }));
  for (const name of ['libcuda.so.1', ...toolkit, ...cudnn])
    await writeFile(join(folder, name), 'no library\n');
  const machine: Machine = {
    ...thisMachine(),
    platform: 'linux',
    env: { FLATMIN_CUDA_LIBRARIES: folder },
    output: () => undefined,
  };
  const error = t.throws(() => preload(findCudaLibraries(machine)), { instanceOf: FlatminError });
  t.is(error.code, 'RUNTIME');
  t.true(error.message.includes(join(folder, 'libcuda.so.1')));
  t.log(error.message);
});
