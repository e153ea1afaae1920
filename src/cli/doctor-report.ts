import type { Diagnosis, Problem } from '../provision/diagnosis.js';
import { mebibytes, shortProviders } from './runtime-texts.js';

const WIDTH = 100;
type Mark = 'ok' | '--' | '!!' | '  ';

/** For people, 100 columns wide. ok: there; --: not there; !!: in the way of the device asked about. */
export function doctorReport(diagnosis: Diagnosis, version: string): string {
  const { device, works, problems, hints } = diagnosis;
  return [
    `flatmin ${version}, asked about --device ${device}`,
    ...section('Machine', machineLines(diagnosis)),
    ...section('Runtimes', runtimeLines(diagnosis)),
    ...section('Kernels', kernelLines(diagnosis)),
    ...section('CUDA', cudaLines(diagnosis)),
    ...section('MPI', mpiLines(diagnosis)),
    '',
    works ? `--device ${device} works.` : `--device ${device} does not work:`,
    ...problems.flatMap((each) => problemLines('!!', each)),
    ...(hints.length > 0
      ? ['', 'Could be added:', ...hints.flatMap((each) => problemLines('--', each))]
      : []),
  ].join('\n');
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines];
}

/** "  ok  name            value", wrapped at spaces under the value. */
function entry(mark: Mark, name: string, value: string): string[] {
  const head = `  ${mark}  ${name.padEnd(16)} `;
  return wrap(value, WIDTH - head.length).map((line, i) => (i === 0 ? head : ' '.repeat(head.length)) + line);
}

function problemLines(mark: Mark, { what, fix }: Problem): string[] {
  const indent = ' '.repeat(6);
  const lines = [
    ...what.split('\n').flatMap((line) => wrap(line, WIDTH - 6)),
    ...wrap(`→ ${fix}`, WIDTH - 6),
  ];
  return lines.map((line, i) => (i === 0 ? `  ${mark}  ` : indent) + line);
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function machineLines({ node, cpu, cacheFolder, python }: Diagnosis): string[] {
  const vectors = cpu.vectors === null ? 'vector extensions unknown' : cpu.vectors.join(', ') || 'no AVX2';
  return [
    ...entry('ok', 'Node.js', `${node.version} on ${node.platform} ${node.arch}`),
    ...entry('ok', 'CPU', `${cpu.model}, ${cpu.threads} threads, ${vectors}`),
    ...entry('ok', 'cache', cacheFolder),
    ...(python
      ? entry(
          python.torch ? 'ok' : '--',
          'Python',
          `${python.version}, ${python.torch ? `PyTorch ${python.torch}` : 'without PyTorch'} (${python.path})`,
        )
      : entry('--', 'Python', 'none on PATH')),
  ];
}

function runtimeLines({ runtimes, runtime }: Diagnosis): string[] {
  return runtimes.flatMap(({ name, version, providers, bytes, path, defaultOn, problem }) => {
    if (problem) return entry(runtime ? '--' : '!!', name, problem);
    const role = defaultOn.length > 0 ? `; the default on ${defaultOn.join(' and ')}` : '';
    return [
      ...entry(
        'ok',
        name,
        `ONNX Runtime ${version} (${shortProviders(providers)}), ${mebibytes(bytes)}${role}`,
      ),
      `      ${path}`,
    ];
  });
}

const SHORT_TYPES = { float: 'f32', double: 'f64', float16: 'f16', bfloat16: 'bf16' } as const;

/** Kernels of training ops by the element types in which they compute the right numbers. */
function kernelLines({ kernels: probed, runtime, device }: Diagnosis): string[] {
  if (!probed || !runtime) return [];
  const { kernels, failures } = probed;
  const none = new Set(failures.map(({ kernel }) => kernel).filter((kernel) => !(kernel in kernels)));
  const groups = new Map<string, string[]>();
  for (const [kernel, types] of Object.entries(kernels)) {
    const key = types.map((type) => SHORT_TYPES[type]).join(' ');
    groups.set(key, [...(groups.get(key) ?? []), kernel]);
  }
  const short = (names: Iterable<string>) => [...names].map((name) => name.replace(/^.*:/, '')).join(', ');
  return [
    ...entry(
      '  ',
      'probed',
      `ONNX Runtime ${runtime.version} (${runtime.kind}) on ${device}; other ops stand in for what it lacks`,
    ),
    ...[...groups].flatMap(([types, names]) => entry('ok', types, short(names))),
    ...(none.size > 0 ? entry('--', 'none', short(none)) : []),
  ];
}

function cudaLines({ cuda, device }: Diagnosis): string[] {
  if (!cuda) return entry('--', 'CUDA', 'does not exist on this platform');
  const mark: Mark = device === 'cpu' ? '--' : '!!';
  const { driverVersion, gpus, libraries, search } = cuda;
  const looked = device !== 'cpu' && libraries.some(({ path }) => path === null);
  return [
    ...libraries.flatMap(({ name, file, path, origin }) =>
      path === null ? entry(mark, name, `${file} not found`) : entry('ok', name, `${path} (${origin})`),
    ),
    ...entry(driverVersion ? 'ok' : '--', 'driver version', driverVersion ?? 'unknown'),
    ...gpuLines(gpus, mark),
    ...(looked
      ? search.flatMap(({ origin, folders, note }, i) =>
          entry('  ', i === 0 ? 'looked in' : '', `${origin}: ${folders.join(', ') || (note ?? 'none')}`),
        )
      : []),
  ];
}

function mpiLines({ mpi }: Diagnosis): string[] {
  if (!mpi) return [];
  const { libraries, version, launcher, search } = mpi;
  if (libraries.length === 0)
    return search.flatMap(({ origin, folders, note }, i) =>
      entry('  ', i === 0 ? 'looked in' : '', `${origin}: ${folders.join(', ') || (note ?? 'none')}`),
    );
  return [
    ...libraries.flatMap(({ path, abi, origin }) => entry('ok', abi, `${path} (${origin})`)),
    ...entry(version ? 'ok' : '!!', 'version', version ?? 'unknown'),
    ...entry(launcher ? 'ok' : '--', 'launcher', launcher ?? 'none found: --ranks needs one'),
  ];
}

function gpuLines(gpus: NonNullable<Diagnosis['cuda']>['gpus'], mark: Mark): string[] {
  if (gpus === null) return entry('--', 'GPU', 'unknown: nvidia-smi cannot be run');
  if (gpus.length === 0) return entry(mark, 'GPU', 'none');
  return gpus.flatMap(({ ordinal, name, memoryMebibytes, computeCapability }) =>
    entry(
      'ok',
      `cuda:${ordinal}`,
      `${name}, ${memoryMebibytes} MiB, compute capability ${computeCapability}`,
    ),
  );
}
