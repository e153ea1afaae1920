import { type ProfileEvent, profileRuns } from './ort-profile.js';
import { GRADIENT, type Span, type Track } from './spans.js';

/** An event of the Trace Event Format, which Perfetto and chrome://tracing read: complete ("X") or metadata ("M"); microseconds. */
export interface TraceEvent {
  name: string;
  ph: 'X' | 'M';
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  cat?: string;
  args?: Readonly<Record<string, unknown>>;
}

export interface Trace {
  traceEvents: TraceEvent[];
  displayTimeUnit: 'ms';
}

const TRACKS: readonly { readonly track: Track; readonly title: string }[] = [
  { track: 'step', title: 'steps' },
  { track: 'data', title: 'waiting for data' },
  { track: 'work', title: 'gradients and optimizer' },
];
/** Of the first session's kernels; those of a GPU one below. */
const SESSION_TRACK = 10;

/**
 * Puts flatmin's spans and the profiles of ONNX Runtime's sessions on one clock. The profiles' own clocks begin with their sessions: each
 * run of a session lies inside the span of a gradient, which tells how they are apart.
 * @param pid of the process
 */
export function mergeTrace(
  spans: readonly Span[],
  profiles: readonly (readonly ProfileEvent[])[],
  pid: number,
): Trace {
  const gradients = spans.filter(({ name }) => name === GRADIENT).sort((a, b) => a.start - b.start);
  const own = spans.map(
    ({ name, track, start, end, args }): TraceEvent => ({
      ...{ name, cat: 'flatmin', ph: 'X', pid, tid: 1 + TRACKS.findIndex((one) => one.track === track) },
      ts: 1000 * start,
      dur: 1000 * (end - start),
      args: args ?? {},
    }),
  );
  let taken = 0;
  const kernels = profiles.flatMap((events, index) => {
    const runs = profileRuns(events);
    const offset = clockOffset(runs, gradients.slice(taken));
    taken += runs.length;
    return events.map(
      ({ name, cat, ts, dur, args }): TraceEvent => ({
        ...{ name: name.replace(/_kernel_time$/, ''), cat: cat || 'Session', ph: 'X', pid, args, dur },
        tid: SESSION_TRACK + 2 * index + Number(cat === 'Kernel'),
        ts: ts + offset,
      }),
    );
  });
  const events = [...own, ...kernels];
  const first = events.reduce((least, { ts }) => Math.min(least, ts), Number.POSITIVE_INFINITY);
  const placed = events.map((event) => ({ ...event, ts: event.ts - first })).sort((a, b) => a.ts - b.ts);
  return { traceEvents: [...titles(placed, pid), ...placed], displayTimeUnit: 'ms' };
}

/** What to add to a profile's times, in microseconds: the middle of what all runs inside their gradients allow. */
export function clockOffset(runs: readonly ProfileEvent[], gradients: readonly Span[]): number {
  const pairs = runs.slice(0, gradients.length).map((run, index) => [run, gradients[index]!] as const);
  if (pairs.length === 0) return gradients[0] ? 1000 * gradients[0].start : 0;
  const least = Math.max(...pairs.map(([run, { start }]) => 1000 * start - run.ts));
  const most = Math.min(...pairs.map(([run, { end }]) => 1000 * end - (run.ts + run.dur)));
  return (least + most) / 2;
}

function titles(events: readonly TraceEvent[], pid: number): TraceEvent[] {
  const title = (what: 'process_name' | 'thread_name', tid: number, name: string): TraceEvent => ({
    ...{ name: what, ph: 'M', pid, tid, ts: 0, args: { name } },
  });
  const tids = [...new Set(events.map(({ tid }) => tid))].sort((a, b) => a - b);
  const nameOf = (tid: number) =>
    TRACKS[tid - 1]?.title ?? (tid % 2 === 0 ? 'ONNX Runtime' : 'ONNX Runtime, kernels on the GPU');
  return [title('process_name', 0, 'flatmin'), ...tids.map((tid) => title('thread_name', tid, nameOf(tid)))];
}
