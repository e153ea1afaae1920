import { buildGraph, gradientGraph, passContext } from '../../compile/build-graph.js';
import { asPrepared } from '../../compile/loss-model.js';
import { checked, type Given, option } from '../../options/option.js';
import { flag } from '../../options/values.js';
import type { TrainSettings } from '../../settings/schema.js';
import type { BenchOptions } from '../options.js';
import { median } from '../statistics.js';
import { timeSteps } from '../time-steps.js';
import { GRADIENT } from '../trace/spans.js';
import { trace } from '../trace/traced.js';
import { openLoader, openSession, openWorkload, type Workload } from '../workload.js';
import { compareForms, type OpForms } from './forms.js';
import { bestOf, type Limits, measureLimits } from './limits.js';
import { profileTable } from './profile-table.js';
import { retimed } from './retime.js';
import { type Roofline, rooflineOf } from './roofline.js';
import { vectorRows } from './vector-rows.js';

export const kernelOptions = {
  /** Also times the other forms that an op could take, each as a model of one op. Default false. */
  forms: option(flag, { help: 'also time the other forms that each op could take', default: false }),
};

/** How the ops of a step are measured. */
export interface KernelBenchOptions extends BenchOptions, Given<typeof kernelOptions> {
  /** Stops it with INTERRUPTED. */
  signal?: AbortSignal | undefined;
  /** Takes how far the forms are. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Equal calls in a training step. */
export interface StepKernel extends Roofline {
  /** With its domain where that is not ONNX's. */
  readonly op: string;
  /** Element types and shapes; of a vector program: its vectors. */
  readonly inputs: readonly string[];
  /** Element types and shapes; none of a vector program. */
  readonly outputs: readonly string[];
  /** Calls in a step. */
  readonly count: number;
  /** All of them in a step: the median. */
  readonly seconds: number;
  /** Of the step. */
  readonly share: number;
  /** Of one call. */
  readonly flop: number | null;
  /** Of one call: what it reads and writes. */
  readonly bytes: number;
}

/** Where a training step spends its time, op by op. */
export interface KernelReport {
  /** The longest first. */
  readonly kernels: readonly StepKernel[];
  /**
   * What a step spends elsewhere: ONNX Runtime between kernels, JavaScript, waiting for data. The median of the steps, so that shares sum
   * to 1 but for the steps' spread; null on a GPU, where it overlaps with the kernels.
   */
  readonly rest: { readonly seconds: number; readonly share: number } | null;
  /** Of other forms; only where it was asked for. */
  readonly forms?: readonly OpForms[];
  /** Of the device: the best of a measurement before the steps and one behind them. */
  readonly limits: Limits;
  /** Median, profiled. */
  readonly secondsPerStep: number;
  /** Of the training graph. */
  readonly runsPerStep: number;
  /** Where kernels' times are from: ONNX Runtime's own ('calls'), the GPU's ('kernels'), or models of one op ('models'). */
  readonly timed: 'calls' | 'kernels' | 'models';
  /** What ONNX Runtime's allocator had given out at the most. */
  readonly activationBytes: number | null;
  /** Steps timed. */
  readonly steps: number;
  /** Its name or path, as the setting `model`. */
  readonly model: string;
  /** Samples in a batch. */
  readonly batch: number;
  /** Of work on the CPU. */
  readonly threads: number;
  /** Version of ONNX Runtime. */
  readonly runtime: string;
  /** 'cpu' or 'cuda:<i>'. */
  readonly device: string;
  /** That the step was computed in: see the setting `precision`. */
  readonly precision: string;
  /** What the graph was lowered to. */
  readonly target: string;
  /** As its `describe` tells it. */
  readonly optimizer: Record<string, unknown>;
}

/**
 * Measures each op of a training step, in the step, against the device's arithmetic and memory.
 * @throws FlatminError what train throws; INTERRUPTED on `signal`
 */
export async function benchKernels(
  given: Partial<TrainSettings>,
  options: KernelBenchOptions = {},
): Promise<KernelReport> {
  const { forms: asksForms } = checked(kernelOptions, options);
  const workload = await openWorkload(given, options);
  const { settings, device, runtime, target, loss, model, steps } = workload;
  const { batch, precision } = settings;
  const type = precision === 'fp16' ? 'float16' : precision === 'bf16' ? 'bfloat16' : 'float';
  const before = await measureLimits(device, runtime, target, type);
  const measured = await profiled(workload);
  // A slow spell of the machine must not pass for its limit.
  const limits = bestOf(before, await measureLimits(device, runtime, target, type));
  const asked = { loss, batch, target, precision, dropout: true };
  const built = await buildGraph(runtime, model, asked);

  const timed = device.facts.queuesWork && measured.table.timed === 'calls' ? 'models' : measured.table.timed;
  const rows =
    timed === 'models'
      ? await retimed(measured.table.rows, built.model, { device, runtime, kernels: target.kernels })
      : measured.table.rows;
  const domains = new Map(built.model.graph.node.map(({ name, domain }) => [name ?? '', domain ?? '']));
  const { secondsPerStep, runsPerStep } = measured;
  const kernels = [
    ...rows.map(({ nodes, ...row }) => ({
      ...row,
      op: [domains.get(nodes[0]!), row.op].filter(Boolean).join(':'),
      count: row.count * runsPerStep,
      seconds: row.seconds * runsPerStep,
    })),
    ...measured.vectors.rows.map(({ vectors, ...row }) => ({ ...row, inputs: [vectors], outputs: [] })),
  ].map(
    (row): StepKernel => ({
      ...row,
      share: row.seconds / secondsPerStep,
      ...rooflineOf(row, row.seconds / row.count, limits),
    }),
  );
  const where = { runtime, device: device.name, threads: device.threads, tf32: precision === 'tf32' };
  const forms = asksForms
    ? await compareForms({
        ...(await gradientGraph(await passContext(runtime, asPrepared(model), asked))),
        ...{ opsetImport: built.model.opsetImport, target, where },
        ...options,
      })
    : undefined;
  return {
    kernels: kernels.sort((a, b) => b.seconds - a.seconds),
    rest: device.facts.queuesWork ? null : { seconds: measured.rest, share: measured.rest / secondsPerStep },
    ...(forms && { forms }),
    ...{ limits, secondsPerStep, runsPerStep, timed, steps, model: settings.model, batch },
    activationBytes: measured.table.activationBytes ?? null,
    threads: device.threads,
    runtime: runtime.version,
    device: device.name,
    precision,
    target: target.name,
    optimizer: workload.optimizer.describe(),
  };
}

/** Steps with ONNX Runtime's profile, and the work of flatmin's own in them. */
async function profiled(workload: Workload) {
  const { warmup, steps, binding } = workload;
  const { result, spans, profiles } = await trace(
    workload,
    async ({ device, optimizer, spans, profilePrefix }) => {
      const session = await openSession(workload, { profilePrefix, on: device });
      const loader = openLoader(workload);
      try {
        return await timeSteps({ session, optimizer, loader, binding, spans }, warmup + steps);
      } finally {
        session.dispose();
        await loader.close();
      }
    },
  );
  const gradients = spans.all.filter(({ name }) => name === GRADIENT);
  const early = gradients.filter(({ args }) => Number(args!.step) <= warmup).length;
  const before = profiles.slice(0, -1).flatMap((events) => events.filter(({ name }) => name === 'model_run'));
  const stepSpans = spans.all.filter(({ track }) => track === 'step').slice(warmup);
  const table = profileTable(profiles.at(-1)!, Math.max(0, early - before.length));
  const vectors = vectorRows(spans.all, stepSpans);
  const totals = result.slice(warmup).map(({ total }) => total);
  const rests = totals.map((total, index) => {
    const ofStep = (_: number, run: number) => gradients[early + run]?.args?.step === warmup + index + 1;
    const kernels = table.kernelSeconds.filter(ofStep).reduce((sum, seconds) => sum + seconds, 0);
    return total - kernels - vectors.stepSeconds[index]!;
  });
  return {
    ...{ table, vectors, secondsPerStep: median(totals), rest: median(rests) },
    runsPerStep: (gradients.length - early) / steps,
  };
}
