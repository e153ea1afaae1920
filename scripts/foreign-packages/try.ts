import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { prepareSessionModel } from '../../src/autodiff/prepare/session-model.js';
import {
  binaryCrossEntropy,
  crossEntropy,
  FlatminError,
  gradients,
  type Inspection,
  inspectModel,
  type Loss,
  type ModelProto,
  meanSquaredError,
  openRuntime,
  readModel,
  SAM,
  SGD,
  TrainingSession,
} from '../../src/index.js';
import { dimsOf } from '../../src/onnx/shapes/dimensions.js';
import { DataType, elementCount, type TensorData } from '../../src/onnx/tensors/tensor.js';
import { type HostTensor, Session } from '../../src/ort/session.js';

/**
 * Tries flatmin on the files that fetch.py took out of packages: node dist/scripts/foreign-packages/try.js FOLDER [FILTER] [--out OUT].
 * Of each file (copies aside) a line: its parameters, what is unsure, whether it trains (two steps of SGD and one of SAM on made data),
 * or why not; and the tensors that have most of |g|². OUT/NAME/ has the saved model and what it should compute, for check.py.
 */

interface Sizes {
  readonly batch?: number;
  readonly dims?: Readonly<Record<string, number>>;
  readonly constants?: Readonly<Record<string, number>>;
  readonly output?: string;
}

/** What these models ask for: sizes that they run with, and what their settings are. */
const SIZES: readonly (readonly [RegExp, Sizes])[] = [
  [/faster_whisper/, { batch: 2 }],
  [/khmersm/, { batch: 1 }],
  [/silero_vad_legacy|wasm-browser.*silero_vad/, { dims: { sequence: 1536 }, constants: { sr: 16_000 } }],
  [/silero_vad_(16k_op15|op18_ifless)/, { dims: { sequence: 576 }, constants: { sr: 16_000 } }],
  [/silero_vad_half/, { dims: { sequence: 576 } }],
  [/silero_vad(_v[56])?\.onnx$/, { dims: { 'input[1]': 576, 'state[1]': 2 }, constants: { sr: 16_000 } }],
  [/PP-OCRv4_det/, { dims: { 'p2o.DynamicDimension.1': 64, 'p2o.DynamicDimension.2': 64 } }],
  [/rapidocr.*PP-OCRv4_rec/, { dims: { 'p2o.DynamicDimension.1': 64, 'x[2]': 48 } }],
  [/PP-OCRv4_rec/, { dims: { 'p2o.DynamicDimension.1': 64 } }],
  [/rapidocr.*mobile_v2\.0_cls/, { dims: { 'x[2]': 48, 'x[3]': 64 } }],
  [/mobile_v2\.0_cls/, { dims: { 'p2o.DynamicDimension.1': 48, 'p2o.DynamicDimension.2': 64 } }],
  [/melspectrogram/, { dims: { samples: 1760 } }],
  [/nudenet/, { batch: 1, dims: { height: 64, width: 64 } }],
  [/ddddocr__common\.onnx/, { dims: { image_width: 64 } }],
  [/rxnmap/, { dims: { seq_len: 6 } }],
];

const random = (() => {
  let state = 12_345;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x7fffffff - 0.5;
  };
})();

interface Array_ {
  readonly dims: readonly number[];
  readonly type: string;
  readonly data: TensorData;
}

function madeInputs(report: Inspection, fixed: Sizes): Record<string, Array_> {
  const made: Record<string, Array_> = {};
  for (const { name, type, shape } of report.inputs) {
    if (fixed.constants && name in fixed.constants) continue;
    const dims = (shape ?? []).map((dim, axis) => {
      const size = typeof dim === 'number' ? dim : (report.sizes[dim] ?? report.sizes[`${name}[${axis}]`]);
      if (size === undefined) throw new Error(`no size for ${dim} of ${name}`);
      return size;
    });
    const length = elementCount(dims);
    const data =
      type === 'float'
        ? Float32Array.from({ length }, random)
        : type === 'double'
          ? Float64Array.from({ length }, random)
          : type === 'int64'
            ? BigInt64Array.from({ length }, () => BigInt(Math.floor((random() + 0.5) * 3)))
            : type === 'bool'
              ? new Uint8Array(length).fill(1)
              : Int32Array.from({ length }, () => Math.floor((random() + 0.5) * 3));
    made[name] = { dims, type, data };
  }
  return made;
}

const TYPES: Readonly<Record<string, number>> = {
  float: DataType.float,
  double: DataType.double,
  int64: DataType.int64,
  int32: DataType.int32,
  bool: DataType.bool,
};

async function outputOf(
  model: ModelProto,
  fixed: Sizes,
  inputs: Record<string, Array_>,
  output: string,
): Promise<HostTensor> {
  const session = await Session.create(openRuntime(), prepareSessionModel(model, fixed).model);
  try {
    const feeds = Object.entries(inputs).map(([name, { type, dims, data }]) => [
      name,
      { type: TYPES[type]!, dims: [...dims], data },
    ]);
    return (await session.run(Object.fromEntries(feeds))).get(output)!;
  } finally {
    session.dispose();
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: TensorData): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** The tensors that have most of |g|². */
function shares(found: ReadonlyMap<string, Float32Array>): string {
  const squares = [...found].map(
    ([name, values]) => [name, values.reduce((sum, value) => sum + value * value, 0)] as const,
  );
  const total = squares.reduce((sum, [, square]) => sum + square, 0);
  return squares
    .sort(([, a], [, b]) => b - a)
    .slice(0, 3)
    .map(([name, square]) => `${name.slice(-40)} ${((100 * square) / total).toFixed(1)} %`)
    .join(', ');
}

/** What the loss is of: logits of classes, logits of truth values, or values. */
type End = 'classes' | 'binary' | 'values';

const LOSSES = { classes: crossEntropy, binary: binaryCrossEntropy, values: meanSquaredError } as const;

function endOf({ end }: Inspection, output: string, { dims, data }: HostTensor): End {
  if (end?.output !== output) return 'values';
  // Python sees probabilities alone, which are zero where they are too small.
  if (end.kind === 'sigmoid')
    return (data as Float32Array).every((value) => value > 1e-30) ? 'binary' : 'values';
  return dims.length === 2 && (end.kind === 'softmax' || end.kind === 'log-softmax') ? 'classes' : 'values';
}

function madeTargets(end: End, { dims, data }: HostTensor): Array_ {
  if (end === 'classes')
    return {
      dims: [dims[0]!],
      type: 'int64',
      data: BigInt64Array.from({ length: dims[0]! }, (_, index) => BigInt(index % dims[1]!)),
    };
  const near = (value: number) => (end === 'binary' ? 1 : value + random());
  return { dims, type: 'float', data: Float32Array.from(data as Float32Array, near) };
}

async function tryFile(path: string, out: string): Promise<string> {
  const fixed = SIZES.find(([pattern]) => pattern.test(path))?.[1] ?? {};
  const began = performance.now();
  const model = await readModel(path);
  const [first] = model.graph.input;
  const ownBatch = first && dimsOf(first)?.[0];
  const batch = fixed.batch ?? (typeof ownBatch === 'number' ? ownBatch : 2);
  const options = { ...fixed, batch };
  const report = await inspectModel(model, options);
  const seconds = (performance.now() - began) / 1000;
  const tensors = [...report.parameters, ...report.buffers];
  const unsure = tensors.filter(({ kind, unsure }) => unsure && kind !== 'statistic').length;
  const split = report.parameters.filter(({ splitFrom }) => splitFrom !== undefined).length;
  const head = `${report.parameters.length} parameters of ${report.parameterCount} elements, ${split} split, ${unsure} unsure, inspected in ${seconds.toFixed(1)} s`;
  const blockers = report.targets.flatmin?.blockers ?? [];
  const why = report.problem ?? blockers[0]?.message;
  if (why && !report.trainable) return `${head}; REFUSED: ${why}`;

  const inputs = madeInputs(report, fixed);
  const value = report.outputs.find(({ name, type }) =>
    fixed.output ? name === fixed.output : type === 'float',
  )!.name;
  const before = await outputOf(model, fixed, inputs, value);
  const end = endOf(report, value, before);
  const loss: Loss = LOSSES[end]();
  const target = madeTargets(end, before);
  const arrays = { ...inputs, [end === 'classes' ? 'labels' : 'targets']: target };
  const feeds = Object.fromEntries(Object.entries(arrays).map(([name, { data }]) => [name, data]));
  const dims = Object.fromEntries(
    Object.entries(report.sizes).filter(([name]) => !(name in (fixed.dims ?? {}))),
  );
  const settings = {
    ...options,
    dims: { ...fixed.dims, ...dims },
    loss,
    outputAsIs: end === 'values',
    output: value,
  };
  const found = await gradients(model, feeds, settings);
  const square = [...found.gradients.values()].reduce(
    (sum, each) => sum + each.reduce((part, g) => part + g * g, 0),
    0,
  );
  // What a step takes off is a twentieth of the loss, were it linear; steps of sharp models are shorter.
  const lr = square > 0 ? Math.min((0.05 * found.loss) / square, 1e-3 / Math.sqrt(square)) : 1e-3;
  const session = await TrainingSession.create(model, settings);
  try {
    const losses: number[] = [];
    for (const optimizer of [new SGD({ lr }), new SGD({ lr }), new SAM(new SGD({ lr }), { rho: 0.01 })])
      losses.push((await session.step(feeds, optimizer)).loss);
    const evaluated = (await session.evaluate([feeds])).loss;
    const name = `${basename(join(path, '..'))}__${basename(path)}`;
    const folder = join(out, name.replaceAll(/[^\w.-]/g, '_'));
    await mkdir(folder, { recursive: true });
    await session.save(join(folder, 'model.onnx'));
    await writeFile(
      join(folder, 'expected.json'),
      JSON.stringify({
        output: value,
        end,
        isLog: report.end?.kind === 'log-softmax',
        loss: evaluated,
        constants: fixed.constants ?? {},
        arrays: Object.fromEntries(
          Object.entries(arrays).map(([key, { dims, type }], index) => [
            key,
            { dims, type, file: `${index}.bin` },
          ]),
        ),
      }),
    );
    for (const [index, { data }] of Object.values(arrays).entries())
      await writeFile(join(folder, `${index}.bin`), bytesOf(data));
    return `${head}; ${loss.name} ${losses.map((each) => each.toPrecision(6)).join(' → ')}, evaluated ${evaluated.toPrecision(6)}; |g|² ${shares(found.gradients)}`;
  } finally {
    session.dispose();
  }
}

async function main(): Promise<void> {
  const [folder, ...rest] = process.argv.slice(2);
  if (!folder) throw new Error('usage: try.js FOLDER [FILTER] [--out OUT]');
  const at = rest.indexOf('--out');
  const out = at < 0 ? join(folder, 'trained') : rest.splice(at, 2)[1]!;
  const seen = new Set<string>();
  const packages = (await readdir(folder, { withFileTypes: true })).filter((each) => each.isDirectory());
  for (const { name } of packages) {
    for (const file of (await readdir(join(folder, name))).filter((each) => each.endsWith('.onnx'))) {
      const path = join(folder, name, file);
      const digest = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
      if (seen.has(digest)) continue;
      seen.add(digest);
      if (rest[0] && !new RegExp(rest[0]).test(path)) continue;
      const line = await tryFile(path, out).catch(
        (error: unknown) =>
          `FAILED: ${error instanceof FlatminError ? `${error.code} ${error.message}` : (error as Error).stack}`,
      );
      console.log(`${name}/${file}: ${line}`);
    }
  }
}

await main();
