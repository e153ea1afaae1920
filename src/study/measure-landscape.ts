import { z } from 'zod';
import { prepareSessionModel } from '../autodiff/prepare/session-model.js';
import { DATA_HINT, sampled } from '../data/index.js';
import { FlatminError } from '../errors.js';
import type { LandscapeFile } from '../formats/landscape-file.js';
import { axis, axisPoints } from '../landscape/axis.js';
import {
  type Direction,
  directionTo,
  gradientDirection,
  orthogonalize,
  randomDirection,
} from '../landscape/directions.js';
import { lossCurve, lossSurface } from '../landscape/surface.js';
import type { ModelProto } from '../onnx/proto.js';
import { aboutOf, changed, checked, type Given, option, type Values } from '../options/option.js';
import { positive } from '../options/values.js';
import { bindData, type DataBinding } from '../run/data-binding.js';
import type { Execution } from '../run/execution.js';
import { openShared } from '../run/ranks.js';
import { readTrainedModel } from '../run/trained-model.js';
import { DataObjective } from '../session/data-objective.js';
import { ModelWeights } from '../session/model-weights.js';
import type { Objective } from '../sharpness/objective.js';
import type { Vector } from '../vectors/parameter-space.js';
import { filterAxes } from './filter-axes.js';
import { objectiveOptions } from './model-objective.js';
import { passBatch } from './pass-batch.js';
import { sourceSamples } from './source-samples.js';
import { subjectOfRun, subjectOptions } from './subject.js';

/** Points of an axis, by the number of axes. */
const POINTS = { 1: 51, 2: 21 };

export const landscapeOptions = {
  /** Default 1. */
  dims: option(z.literal([1, 2], '1 or 2'), { symbol: 'n', help: '1: curves; 2: a surface', default: 1 }),
  /** Around one run: the axes go from −span to span. Between two: by span/2 beyond both. Default 1. */
  span: option(positive, {
    symbol: 's',
    help: 'axes from −s to s; with --to: by s/2 beyond both runs',
    default: 1,
  }),
  /** On each axis; default 51 for 1-D, 21 for 2-D. */
  points: option(axisPoints.optional(), {
    symbol: 'n',
    help: 'on each axis',
    byDefault: `${POINTS[1]}; ${POINTS[2]} for --dims 2`,
  }),
  /** Training samples drawn by `seed`, or 'all' (default). */
  samples: objectiveOptions.samples,
  /** Of the samples and the random directions; default 0. */
  seed: changed(objectiveOptions.seed, { help: 'of the part of the images and of random directions' }),
  /** What openDataset takes; default the run's own. */
  data: changed(subjectOptions.data, { help: DATA_HINT, byDefault: "the run's own" }),
  /** Samples in one run of a session; default as for sharpness. */
  batch: objectiveOptions.batch,
  /**
   * Statistics that BatchNormalization uses. Default 'running' around one run; 'batch' between two, where the running statistics of
   * either run are those of no other point.
   */
  batchNorm: option(objectiveOptions.batchNorm.optional(), {
    ...aboutOf(objectiveOptions.batchNorm),
    default: undefined,
    byDefault: 'running; batch with --to',
  }),
};

/** Which surface is measured, and over which samples. */
export interface LandscapeOptions
  extends Given<typeof landscapeOptions>,
    Pick<Execution, 'device' | 'threads' | 'memory' | 'runtime' | 'cudaGraphs' | 'group' | 'dataset'> {
  /** The folder of a finished run. */
  run: string;
  /** The folder of a second one of the same model: the surface is of the line or plane through both. */
  to?: string | undefined;
  /** Called before each loss with the number of losses done and to do. @throws to stop */
  onPoint?: ((done: number, total: number) => void) | undefined;
}

/**
 * The loss of a run's model over training samples, without augmentation, along directions in parameter space: around the run, a random
 * and the gradient direction (1-D) or two random ones (2-D), filter-normalised; between two runs, the line through both (1-D) and a
 * random direction orthogonal to it and as long (2-D). The parameters are left as they are.
 * @throws FlatminError INVALID_ARGUMENT, NOT_FOUND, INVALID_DATA, INVALID_MODEL before anything is computed
 */
export async function measureLandscape(options: LandscapeOptions): Promise<LandscapeFile> {
  const { run, to } = options;
  const { samples, seed, batch: asked, ...others } = checked(landscapeOptions, options);
  const { batchNorm = to === undefined ? 'running' : 'batch' } = others;
  const plan = planAxes({ ...others, to });
  const subject = await subjectOfRun(run, options);
  const { model, loss, source, data } = subject;
  const prepared = prepareSessionModel(model, subject.view);
  const { device, runtime } = await openShared(options);
  const batch = passBatch({ asked, batchNorm, trained: subject.batch, device });
  const view = { ...subject.view, batch: Math.min(batch, source.train.size), layout: subject.layout };
  const binding = await bindData(runtime, prepared, loss, source, view);
  const part = samples === 'all' ? source : sampled(source, { train: samples, seed });
  const groups = subject.groups(binding.parameters);
  const weights = new ModelWeights(binding.weights, binding.initializers, { groups, device });
  const objective = DataObjective.create(prepared, weights, sourceSamples(part, binding), {
    ...subject.view,
    loss,
    batch,
    dims: binding.dims,
    batchNorm,
    runtime,
    group: options.group,
  });
  try {
    const other =
      to === undefined
        ? undefined
        : await weightsOf(to, weights, (other) =>
            bindData(runtime, prepareSessionModel(other, subject.view), loss, source, view),
          );
    const directions = await chooseDirections(objective, {
      ...plan,
      seed,
      other,
      axisOf: filterAxes(prepared.model),
    });
    const surface = await measure(objective, plan, directions, options.onPoint);
    return {
      kind: 'flatmin-landscape',
      version: 1,
      dims: plan.dims,
      run,
      to: to ?? null,
      normalization: to === undefined ? 'filter' : 'none',
      directions: directions.map(({ name, norm }) => ({ name, norm })),
      axes: plan.axes,
      center: await objective.loss(),
      ...surface,
      settings: {
        data,
        samples: objective.samples,
        samplesOf: source.train.size,
        batchNorm,
        batch,
        lossName: loss.name,
        seed,
      },
    };
  } finally {
    objective.dispose();
    weights.dispose();
  }
}

interface Plan {
  readonly dims: 1 | 2;
  readonly axes: readonly (readonly number[])[];
}

type Axes = Pick<Values<typeof landscapeOptions>, 'dims' | 'span' | 'points'>;

function planAxes({ dims, to, span, points = POINTS[dims] }: Axes & { to: string | undefined }): Plan {
  const around = axis(-span, span, points, [0]);
  if (to === undefined) return { dims, axes: dims === 1 ? [around] : [around, around] };
  const between = axis(-span / 2, 1 + span / 2, points, [0, 1]);
  const beside = axis(-(1 + span) / 2, (1 + span) / 2, points, [0]);
  return { dims, axes: dims === 1 ? [between] : [between, beside] };
}

interface DirectionChoice extends Plan {
  readonly seed: number;
  readonly other: Vector | undefined;
  readonly axisOf: (name: string) => number;
}

/** One for each curve of 1-D, one for each axis of 2-D. */
async function chooseDirections(
  objective: Objective,
  { dims, seed, other, axisOf: filterAxis }: DirectionChoice,
): Promise<Direction[]> {
  const { space } = objective;
  if (other) {
    const line = await directionTo(space, other);
    if (dims === 1) return [line];
    const random = await randomDirection(space, { seed, stream: 0, filterAxis });
    return [line, await orthogonalize(space, random, line)];
  }
  const random = await randomDirection(space, { seed, stream: 0, filterAxis });
  if (dims === 2) return [random, await randomDirection(space, { seed, stream: 1, filterAxis })];
  await objective.gradient();
  return [random, await gradientDirection(space, filterAxis)];
}

async function measure(
  objective: Objective,
  { dims, axes }: Plan,
  directions: readonly Direction[],
  onPoint: LandscapeOptions['onPoint'],
): Promise<Pick<LandscapeFile, 'curves' | 'losses'>> {
  if (dims === 2) {
    const total = axes[0]!.length * axes[1]!.length;
    const pair = [directions[0]!, directions[1]!] as const;
    return {
      losses: await lossSurface(objective, pair, [axes[0]!, axes[1]!], {
        onPoint: (done) => onPoint?.(done, total),
      }),
    };
  }
  const curves = [];
  const each = axes[0]!.length;
  for (const [index, direction] of directions.entries()) {
    const progress = (done: number) => onPoint?.(index * each + done, directions.length * each);
    curves.push({
      direction: direction.name,
      losses: await lossCurve(objective, direction, axes[0]!, { onPoint: progress }),
    });
  }
  return { curves };
}

/** The parameters of a second run, in the layout of the first. */
async function weightsOf(
  dir: string,
  { space }: ModelWeights,
  bind: (model: ModelProto) => Promise<DataBinding>,
): Promise<Vector> {
  const model = await readTrainedModel(dir);
  const { weights: own, initializers } = await bind(model);
  const weights = new ModelWeights(own, initializers, { device: space.device });
  try {
    const layout = (segments: readonly { name: string; dims: readonly number[] }[]) =>
      segments.map(({ name, dims }) => `${name} [${dims}]`).join();
    if (layout(weights.space.arena.segments) !== layout(space.arena.segments)) {
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `${dir} holds another model: its parameters have other names or shapes.`,
      );
    }
    const vector = space.vector();
    for (const { name } of space.arena.segments) space.arena.write(vector, name, weights.read(name));
    return vector;
  } finally {
    weights.dispose();
  }
}
