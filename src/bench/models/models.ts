import { totalmem } from 'node:os';
import { FlatminError } from '../../errors.js';
import { writeBench } from '../../formats/bench/files.js';
import { checked, type Values } from '../../options/option.js';
import { installedTraining } from '../../ort/installed.js';
import { openRuntime, type Runtime } from '../../ort/library.js';
import { packageVersion } from '../../package-file.js';
import { describeCpu } from '../../provision/machine.js';
import { runInChild } from '../child/run.js';
import { bestOf, type Limits } from '../kernels/limits.js';
import { rooflineOf } from '../kernels/roofline.js';
import { exportModel, exportsFolder, listModels, type TorchModels, ZOO } from '../torch/model-step.js';
import { findTorch } from '../torch/python.js';
import { fileAt, findModels, type ModelFile, named } from './files.js';
import type { StepMeasurement } from './measure.js';
import { type ModelsOptions, modelsOptions, type PeerOptimizer, type PeerPrecision } from './options.js';
import {
  least,
  type ModelResult,
  type ModelsReport,
  meansOf,
  ratiosOf,
  timingOf,
  withOverSgd,
} from './results.js';
import { flatminSide, type Side, torchSide } from './sides.js';
import type { CostTask, StepCost } from './step-cost.js';
import { openModelFile } from './training.js';

/** PyTorch's side: what makes its models, and what it says of itself. */
interface Peer extends TorchModels {
  readonly names: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
}

/**
 * Times training steps of models in flatmin and in PyTorch, in rounds, each in a process of its own: a slow spell of the machine meets all.
 * A side that does not run is told so, and the others go on.
 * @param paths .onnx files, or folders of them; a batch is the .npz beside a file, else it is drawn. None: those that `zoo` or `torch` export
 * @throws FlatminError NOT_FOUND where a file, or Python with PyTorch where it is asked for, is not there; INVALID_ARGUMENT on options that
 * do not go together; INVALID_DATA where a batch does not fit its model; INTERRUPTED on `signal`
 */
export async function benchModels(
  paths: readonly string[],
  options: ModelsOptions = {},
): Promise<ModelsReport> {
  const values = checked(modelsOptions, options);
  const { signal, onProgress: say, out } = options;
  const notes: string[] = [];
  const peer = await openPeer(paths, values, notes, signal);
  const files =
    paths.length > 0
      ? named(await findModels(paths), values.models)
      : await exported(peer!, values.models, options);
  const sizes = { batch: values.batch, dims: values.dims };
  // What does not fit is refused before hours of measurements.
  for (const file of files) await openModelFile({ file, sizes });

  const runtimes = runtimesOf(options.runtime);
  const [main] = runtimes as [Runtime, ...Runtime[]];
  const { threads } = values;
  const sides = [
    ...runtimes.map(flatminSide),
    ...(peer ? values.modes.map((mode) => torchSide(peer, mode)) : []),
  ];
  const peaks = () => runInChild<Limits>('peaks', [{ runtime: main, threads }], { signal });
  say?.("the machine's peaks");
  let limits = await peaks();
  const cpu = await describeCpu();
  const results: ModelResult[] = [];
  const report = (): ModelsReport => {
    const done = withOverSgd(results.map((result) => ({ ...result, roofline: rooflineAt(result, limits) })));
    return {
      machine: {
        ...{ cpu: cpu.model, cores: cpu.threads, vectors: cpu.vectors, threads: threads ?? cpu.threads },
        ...{ memoryBytes: totalmem(), limits },
      },
      versions: {
        ...{ flatmin: packageVersion(), node: process.version },
        ...Object.fromEntries(runtimes.map(({ kind, version }) => [`onnxruntime (${kind})`, version])),
        ...peer?.versions,
      },
      settings: { rounds: values.rounds, steps: values.steps, warmup: values.warmup, modes: values.modes },
      results: done,
      means: meansOf(done),
      notes: [...notes, ...otherSteps(done)],
    };
  };
  for (const [index, file] of files.entries()) {
    const task = { file, sizes, threads };
    const place = `${index + 1}/${files.length} ${file.name}`;
    const costs = await costsOf({ ...task, runtime: main, optimizers: values.optimizers }, values, signal);
    results.push(
      ...(await compared(task, { sides, costs, values, signal, say: (what) => say?.(`${place}, ${what}`) })),
    );
    if (out !== undefined) await writeBench(out, 'models', report());
  }
  say?.("the machine's peaks again");
  limits = bestOf(limits, await peaks());
  if (out !== undefined) await writeBench(out, 'models', report());
  return report();
}

/** Undefined without PyTorch; why that is stands in the notes. */
async function openPeer(
  paths: readonly string[],
  { zoo, torch, python: choice }: Values<typeof modelsOptions>,
  notes: string[],
  signal: AbortSignal | undefined,
): Promise<Peer | undefined> {
  if (zoo && torch !== undefined)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      'zoo and torch both say what makes the models in PyTorch: give one.',
    );
  const file = zoo ? ZOO : torch;
  if (file === undefined) {
    if (paths.length === 0)
      throw new FlatminError(
        'INVALID_ARGUMENT',
        'Nothing says which models to measure: give .onnx files or folders of them, --zoo, or --torch FILE.py.',
      );
    if (choice !== undefined)
      throw new FlatminError(
        'INVALID_ARGUMENT',
        'python does nothing without a file that makes the models in PyTorch: give --torch FILE.py or --zoo, or leave it out.',
      );
    notes.push('PyTorch is left out: nothing makes these models there (--torch FILE.py, or --zoo).');
    return undefined;
  }
  const isNeeded = paths.length === 0 || torch !== undefined || choice !== undefined;
  try {
    const models = { python: await findTorch(choice), file };
    return { ...models, ...(await listModels(models, signal)) };
  } catch (error) {
    if (isNeeded || !(error instanceof FlatminError && error.code === 'NOT_FOUND')) throw error;
    notes.push(`PyTorch is left out. ${error.message}`);
    return undefined;
  }
}

/** The models that PyTorch's side makes, exported into the cache. */
async function exported(
  peer: Peer,
  models: readonly string[] | undefined,
  { signal, onProgress }: ModelsOptions,
): Promise<ModelFile[]> {
  if (peer.names.length === 0 && models === undefined)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `${peer.file} does not say which models it makes: give their names with --models, or list them there as NAMES.`,
    );
  const all = peer.names.length === 0 ? models! : peer.names;
  const chosen = named(
    all.map((name) => ({ name })),
    models,
  );
  const folder = await exportsFolder(peer.file, peer.versions);
  const files: ModelFile[] = [];
  for (const { name } of chosen) {
    onProgress?.(`exporting ${name} to ${folder}`);
    files.push(await fileAt(await exportModel(peer, name, folder, signal)));
  }
  return files;
}

function runtimesOf(runtime: Runtime | undefined): Runtime[] {
  if (runtime) return [runtime];
  return [openRuntime('stock'), ...(installedTraining(false) ? [openRuntime('training')] : [])];
}

type Costs = Partial<Record<PeerPrecision, Partial<Record<PeerOptimizer, StepCost>>>>;

/** By precision; none where flatmin does not run the model, of which its own side says why. */
async function costsOf(
  task: Omit<CostTask, 'precision'>,
  { precisions }: Values<typeof modelsOptions>,
  signal: AbortSignal | undefined,
): Promise<Costs> {
  const costs: Costs = {};
  for (const precision of precisions) {
    try {
      costs[precision] = await runInChild('model-cost', [{ ...task, precision } satisfies CostTask], {
        signal,
      });
    } catch (error) {
      if (!(error instanceof FlatminError) || error.code === 'INTERRUPTED') throw error;
    }
  }
  return costs;
}

interface Comparison {
  readonly sides: readonly Side[];
  readonly costs: Costs;
  readonly values: Values<typeof modelsOptions>;
  readonly signal: AbortSignal | undefined;
  readonly say: (what: string) => void;
}

/** All sides in turn, in each precision and with each optimizer, round after round. */
async function compared(
  task: { readonly file: ModelFile; readonly sizes: object; readonly threads: number | undefined },
  { sides, costs, values, signal, say }: Comparison,
): Promise<ModelResult[]> {
  const { precisions, optimizers, rounds, steps, warmup } = values;
  const cells = precisions.flatMap((precision) =>
    optimizers.map((optimizer) => ({
      ...{ precision, optimizer, unavailable: {} as Record<string, string> },
      measured: new Map<Side, StepMeasurement[]>(sides.map((side) => [side, []])),
    })),
  );
  for (let round = 1; round <= rounds; round++) {
    for (const { precision, optimizer, unavailable, measured } of cells) {
      for (const side of sides) {
        if (side.peer in unavailable) continue;
        say(`round ${round}/${rounds}: ${optimizer}, ${precision}, ${side.peer}`);
        const found = await side.measure({ ...task, precision, optimizer, steps, warmup }, signal);
        if ('unavailable' in found) unavailable[side.peer] = found.unavailable;
        else measured.get(side)!.push(found);
      }
    }
  }
  return cells.map(({ precision, optimizer, unavailable, measured }): ModelResult => {
    const timings = (isTorch: boolean) =>
      [...measured].flatMap(([side, list]) =>
        side.isTorch === isTorch && list.length > 0 ? [timingOf(side.peer, list)] : [],
      );
    const [flatmin, torch] = [timings(false), timings(true)];
    return {
      ...{ model: task.file.name, optimizer, precision, flatmin, torch, unavailable },
      ...ratiosOf(flatmin, torch),
      ...{ overSgd: null, cost: costs[precision]?.[optimizer] ?? null, roofline: null },
    };
  });
}

function rooflineAt({ cost, flatmin }: ModelResult, limits: Limits): ModelResult['roofline'] {
  const fastest = least(flatmin);
  return cost && fastest ? rooflineOf(cost, fastest.secondsPerStep, limits) : null;
}

/** Losses of the same model and batch differ by rounding: in bf16 by up to 2⁻⁸ an operation. */
const TOLERANCE = { fp32: 1e-3, bf16: 3e-2 } as const;

/** Where the two sides do not take the same step. */
function otherSteps(results: readonly ModelResult[]): string[] {
  return results.flatMap(({ model, optimizer, precision, flatmin: [own], torch: [other] }) => {
    if (!own || !other) return [];
    const differences: string[] = [];
    const [a, b] = [own.firstLoss, other.firstLoss];
    const differs = Math.abs(a - b) > TOLERANCE[precision] * Math.max(Math.abs(a), Math.abs(b));
    // Rand-SAM's first loss is at a point of its own on each side.
    if (differs && optimizer !== 'rand-sam')
      differences.push(`the first loss is ${a} in ${own.peer} and ${b} in ${other.peer}`);
    if (own.parameters !== other.parameters)
      differences.push(`${own.peer} trains ${own.parameters} numbers, and ${other.peer} ${other.parameters}`);
    return differences.map((what) => `${model}, ${optimizer}, ${precision}: not the same step: ${what}.`);
  });
}
