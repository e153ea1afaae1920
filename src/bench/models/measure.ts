import { TrainingSession } from '../../session/session.js';
import { peakMemoryBytes } from '../peak-memory.js';
import { timeSteps } from '../time-steps.js';
import type { PeerOptimizer } from './options.js';
import { type ModelTask, openTask, stepOptimizer } from './training.js';

/** What one process says of the steps that it took. */
export interface StepMeasurement {
  /** Of each timed step. */
  readonly stepSeconds: readonly number[];
  /** Of the processor, over all threads, in each timed step. */
  readonly cpuSeconds: readonly number[];
  /** flatmin: from a model to a session. PyTorch: making the module. */
  readonly buildSeconds: number;
  /** From the file, or the making of the module, to the end of the first step. */
  readonly firstStepSeconds: number;
  /** Before anything has moved. */
  readonly firstLoss: number;
  /** Numbers in all parameters. */
  readonly parameters: number;
  /** The largest resident set of the process. */
  readonly peakRssBytes: number;
  /** Part of it that importing PyTorch takes; 0 for flatmin. */
  readonly importRssBytes: number;
}

export interface MeasureTask extends ModelTask {
  readonly optimizer: PeerOptimizer;
  readonly steps: number;
  readonly warmup: number;
}

/** Times training steps of a model on one batch; to be called in a process of its own. */
export async function measureModel(task: MeasureTask): Promise<StepMeasurement> {
  const { optimizer, precision, steps, warmup } = task;
  const begun = performance.now();
  const { model, batch, device, runtime, target } = await openTask(task);
  const opened = performance.now();
  const { loss, sizes } = batch;
  const session = await TrainingSession.create(model, { ...sizes, loss, device, runtime, target, precision });
  const built = performance.now();
  try {
    const feeds = batch.feeds(session.feedInputs);
    const times = await timeSteps(
      {
        ...{ session, optimizer: stepOptimizer(optimizer), loader: forever(feeds) },
        binding: { feeds: (same) => same },
      },
      warmup + steps,
    );
    const timed = times.slice(warmup);
    const [first] = times;
    return {
      stepSeconds: timed.map(({ total }) => total),
      cpuSeconds: timed.map(({ cpu }) => cpu),
      buildSeconds: (built - opened) / 1000,
      firstStepSeconds: (built - begun) / 1000 + first!.total,
      firstLoss: first!.loss,
      parameters: session.space.arena.count,
      peakRssBytes: peakMemoryBytes(),
      importRssBytes: 0,
    };
  } finally {
    session.dispose();
  }
}

async function* forever<T>(value: T): AsyncGenerator<T> {
  for (;;) yield value;
}
