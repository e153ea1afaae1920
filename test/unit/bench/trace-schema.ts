import { z } from 'zod';

/** Events of the Trace Event Format that flatmin writes: complete ones and metadata. */
const event = z.discriminatedUnion('ph', [
  z.strictObject({
    ph: z.literal('X'),
    name: z.string().min(1),
    cat: z.string().min(1),
    ts: z.number().nonnegative(),
    dur: z.number().nonnegative(),
    pid: z.int(),
    tid: z.int(),
    args: z.record(z.string(), z.unknown()),
  }),
  z.strictObject({
    ph: z.literal('M'),
    name: z.enum(['process_name', 'thread_name']),
    ts: z.literal(0),
    pid: z.int(),
    tid: z.int(),
    args: z.strictObject({ name: z.string().min(1) }),
  }),
]);

const trace = z.strictObject({ traceEvents: z.array(event).min(1), displayTimeUnit: z.literal('ms') });

export type CompleteEvent = Extract<z.infer<typeof event>, { ph: 'X' }>;

/** The complete events and the titles of the tracks by number. @throws where it is no trace, or spans of a track overlap */
export function checkTrace(given: unknown): { events: CompleteEvent[]; titles: Map<number, string> } {
  const { traceEvents } = trace.parse(given);
  const events = traceEvents.filter((one): one is CompleteEvent => one.ph === 'X');
  const titles = new Map(
    traceEvents.flatMap((one) =>
      one.ph === 'M' && one.name === 'thread_name' ? [[one.tid, one.args.name] as const] : [],
    ),
  );
  for (const { tid } of events) if (!titles.has(tid)) throw new Error(`track ${tid} has no title`);
  for (const tid of titles.keys()) checkNesting(events.filter((one) => one.tid === tid));
  return { events, titles };
}

/** Spans of a track lie in one another or apart: to a microsecond, which is what ONNX Runtime rounds to. */
function checkNesting(events: readonly CompleteEvent[]): void {
  const open: CompleteEvent[] = [];
  const sorted = events.toSorted((a, b) => a.ts - b.ts || b.dur - a.dur);
  for (const one of sorted) {
    while (open.length > 0 && open.at(-1)!.ts + open.at(-1)!.dur <= one.ts + 1) open.pop();
    const around = open.at(-1);
    if (around && one.ts + one.dur > around.ts + around.dur + 2)
      throw new Error(`${one.name} at ${one.ts} overlaps ${around.name} at ${around.ts}`);
    open.push(one);
  }
}
