import cliProgress from 'cli-progress';
import { printable } from '../../formats/printable.js';

/** Milliseconds between plain lines. */
const LINE_INTERVAL = 10_000;

export interface ProgressOptions {
  label: string;
  /** Units of work in all, in the unit of update()'s `done`. */
  total: number;
  /** What a sample is called in the plural. Default 'images'. */
  samples?: string;
  /** Units done before, by a run that is now resumed: time left is estimated without them. Default 0. */
  start?: number;
  stream?: NodeJS.WriteStream;
  enabled?: boolean;
  /** Milliseconds. Default Date.now. */
  clock?: () => number;
}

export interface ProgressFigures {
  loss: number;
  /** The latest evaluation in words: 'accuracy 45.60 %'. */
  metric?: string | undefined;
  imagesPerSecond: number;
  /** Steps that were not made because they were not finite. */
  skipped?: number;
}

export interface Progress {
  update(done: number, figures: ProgressFigures): void;
  /** Prints a line of its own. */
  note(text: string): void;
  /** Prints the last state if it is not yet printed. To be called always: on a terminal a timer redraws until then. */
  stop(): void;
}

/**
 * Shows progress: a bar on a terminal, else a line at most every 10 s; the last state remains as a line.
 * `enabled: false` prints nothing.
 */
export function createProgress(options: ProgressOptions): Progress {
  const { stream = process.stderr, enabled = true } = options;
  if (!enabled) return { update() {}, note() {}, stop() {} };
  const describe = createDescription(options);
  const shown = { ...options, label: printable(options.label) };
  return stream.isTTY ? bar(shown, stream, describe) : lines(shown, stream, describe);
}

type Describe = (done: number, figures: ProgressFigures) => string;

function bar(
  { label, total, start = 0 }: ProgressOptions,
  stream: NodeJS.WriteStream,
  describe: Describe,
): Progress {
  let done = start;
  let text = '';
  let running = true;
  const single = new cliProgress.SingleBar(
    {
      stream,
      clearOnComplete: true,
      barsize: 24,
      format: (options, { progress }) =>
        `${label} ${cliProgress.Format.BarFormat(progress, options)} ${text}`,
    },
    cliProgress.Presets.shades_classic,
  );
  single.start(total, start);
  return {
    update(nowDone, figures) {
      done = nowDone;
      text = describe(done, figures);
      single.update(done);
    },
    note(line) {
      if (running) single.stop();
      stream.write(`${printable(line)}\n`);
      if (running) single.start(total, done);
    },
    stop() {
      if (!running) return;
      running = false;
      single.stop();
      if (text !== '') stream.write(`${label} ${text}\n`);
    },
  };
}

function lines(
  { label, clock = Date.now }: ProgressOptions,
  stream: NodeJS.WriteStream,
  describe: Describe,
): Progress {
  let printed = clock();
  let pending: string | undefined;
  const print = () => {
    if (pending !== undefined) stream.write(`${pending}\n`);
    pending = undefined;
    printed = clock();
  };
  return {
    update(done, figures) {
      pending = `${label} ${describe(done, figures)}`;
      if (clock() - printed >= LINE_INTERVAL) print();
    },
    note(line) {
      stream.write(`${printable(line)}\n`);
    },
    stop: print,
  };
}

/** "120/390 31 % | loss 1.234 | accuracy 45.60 % | 321 images/s | 1:23 left" */
function createDescription({
  total,
  samples = 'images',
  start = 0,
  clock = Date.now,
}: ProgressOptions): Describe {
  const began = clock();
  return (done, { loss, metric = '', imagesPerSecond, skipped = 0 }) => {
    const secondsLeft = ((clock() - began) / 1000 / (done - start)) * (total - done);
    return [
      `${done}/${total} ${Math.floor((100 * done) / total)} %`,
      `loss ${loss.toPrecision(4)}`,
      metric,
      `${imagesPerSecond.toFixed(imagesPerSecond < 10 ? 1 : 0)} ${samples}/s`,
      skipped === 0 ? '' : `${skipped} ${skipped === 1 ? 'step' : 'steps'} skipped`,
      Number.isFinite(secondsLeft) ? `${formatDuration(secondsLeft)} left` : '',
    ]
      .filter((part) => part !== '')
      .join(' | ');
  };
}

/** "0:05", "12:34", "3:04:05". */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
