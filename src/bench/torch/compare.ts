import { FlatminError } from '../../errors.js';
import { checked, type Given, option } from '../../options/option.js';
import { count, text } from '../../options/values.js';
import { resolveSettings } from '../../settings/resolve.js';
import type { TrainSettings } from '../../settings/schema.js';
import { runInChild } from '../child/run.js';
import type { BenchOptions } from '../options.js';
import { median } from '../statistics.js';
import type { BenchReport } from '../step.js';
import { findTorch } from './python.js';
import { torchArguments, torchModes } from './torch-settings.js';
import { type TorchTiming, torchStep } from './torch-step.js';

export const compareOptions = {
  /** Command of the Python; default python3, then python, on the PATH. */
  python: option(text.optional(), {
    symbol: 'command',
    help: 'a Python with PyTorch',
    byDefault: 'python3, then python',
  }),
  /** Each of flatmin and all modes, one after the other; default 3. */
  rounds: option(count, { symbol: 'n', help: 'of flatmin and all modes in turn', default: 3 }),
};

/** How flatmin and PyTorch are compared. */
export interface CompareOptions extends BenchOptions, Given<typeof compareOptions> {
  /** Stops it with INTERRUPTED. */
  signal?: AbortSignal | undefined;
  /** Takes what is measured next. */
  onProgress?: ((what: string, round: number, rounds: number) => void) | undefined;
}

/** One side of a comparison, over all rounds. */
export interface PeerTiming {
  /** 'flatmin', or a mode of PyTorch. */
  readonly peer: string;
  /** That the step was computed in: see the setting `precision`. */
  readonly precision: string;
  /** Median of all timed steps. */
  readonly secondsPerStep: number;
  /** The batch over `secondsPerStep`. */
  readonly imagesPerSecond: number;
  /** Each timed step. */
  readonly stepSeconds: readonly number[];
  /** The largest resident set of the process. */
  readonly peakRssBytes: number;
  /** Part of it that importing PyTorch takes; 0 for flatmin. */
  readonly importRssBytes: number;
  /** Memory of the GPU that it took, at its most; null on the CPU. */
  readonly peakDeviceBytes: number | null;
}

/** The same training steps in flatmin and in PyTorch. */
export interface TorchComparison {
  /** flatmin first. */
  readonly peers: readonly PeerTiming[];
  /** Modes that this machine cannot run, and why. */
  readonly unavailable: Readonly<Record<string, string>>;
  /** The fastest mode of PyTorch in flatmin's precision. */
  readonly best: string;
  /** Its seconds a step over flatmin's: above 1, flatmin is faster. */
  readonly ratio: number;
  /** Version of PyTorch. */
  readonly torch: string;
  /** Of flatmin's last round. */
  readonly flatmin: BenchReport;
}

/**
 * Times the same training steps in flatmin and in PyTorch, in rounds, each in a process of its own: a slow spell of the machine meets all.
 * @throws FlatminError NOT_FOUND where no Python has PyTorch; INVALID_ARGUMENT on settings that the comparison does not have; RUNTIME where
 * no mode of PyTorch runs; INTERRUPTED on `signal`
 */
export async function compareTorch(
  given: Partial<TrainSettings>,
  options: CompareOptions = {},
): Promise<TorchComparison> {
  const {
    python: choice,
    rounds,
    signal,
    onProgress,
    ...execution
  } = {
    ...options,
    ...checked(compareOptions, options),
  };
  const settings = resolveSettings({ ...given, data: 'random' });
  const args = torchArguments(settings, execution);
  const modes = torchModes(settings, execution.device);
  const python = await findTorch(choice);
  const own: BenchReport[] = [];
  const timings = new Map<string, TorchTiming[]>(modes.map(({ name }) => [name, []]));
  const unavailable: Record<string, string> = {};
  for (let round = 1; round <= rounds; round++) {
    onProgress?.('flatmin', round, rounds);
    own.push(await runInChild<BenchReport>('step', [given, execution], { signal }));
    for (const { name } of modes.filter((mode) => !(mode.name in unavailable))) {
      onProgress?.(`PyTorch ${name}`, round, rounds);
      const timing = await torchStep(python, [...args, '--mode', name], signal);
      if ('unavailable' in timing) unavailable[name] = timing.unavailable;
      else timings.get(name)!.push(timing);
    }
  }
  const flatmin = peerOf('flatmin', settings, own);
  const rivals = modes.flatMap(({ name, precision }) => {
    const list = timings.get(name)!;
    return list.length > 0 ? [peerOf(name, { ...settings, precision }, list)] : [];
  });
  const equals = rivals.filter(({ precision }) => precision === settings.precision);
  if (equals.length === 0)
    throw new FlatminError(
      'RUNTIME',
      `PyTorch runs in no mode here: ${Object.values(unavailable).join('; ')}.`,
    );
  const best = equals.reduce((a, b) => (a.secondsPerStep <= b.secondsPerStep ? a : b));
  return {
    peers: [flatmin, ...rivals],
    unavailable,
    best: best.peer,
    ratio: best.secondsPerStep / flatmin.secondsPerStep,
    torch: timings.get(best.peer)![0]!.torch,
    flatmin: own.at(-1)!,
  };
}

function peerOf(
  peer: string,
  { batch, precision }: { batch: number; precision: string },
  timings: readonly (Omit<TorchTiming, 'torch' | 'importRssBytes'> & { importRssBytes?: number })[],
): PeerTiming {
  const stepSeconds = timings.flatMap((timing) => timing.stepSeconds);
  const secondsPerStep = median(stepSeconds);
  const most = (of: (timing: (typeof timings)[number]) => number | null | undefined) =>
    Math.max(...timings.map((timing) => of(timing) ?? 0));
  return {
    ...{ peer, precision, secondsPerStep, stepSeconds, imagesPerSecond: batch / secondsPerStep },
    peakRssBytes: most((timing) => timing.peakRssBytes),
    importRssBytes: most((timing) => timing.importRssBytes),
    peakDeviceBytes: timings[0]!.peakDeviceBytes === null ? null : most((timing) => timing.peakDeviceBytes),
  };
}
