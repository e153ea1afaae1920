import test from 'ava';
import { clockOffset, mergeTrace } from '../../../src/bench/trace/merge.js';
import type { ProfileEvent } from '../../../src/bench/trace/ort-profile.js';
import type { Span } from '../../../src/bench/trace/spans.js';
import { checkTrace } from './trace-schema.js';

const run = (ts: number, dur: number): ProfileEvent => ({
  ...{ cat: 'Session', name: 'model_run', ts, dur, args: {} },
});
const gradient = (start: number, end: number): Span => ({ name: 'gradient', track: 'work', start, end });

test('a profile is placed where all of its runs lie in their gradients', (t) => {
  // Milliseconds of flatmin's clock; microseconds of the profile's, which began 5 ms later.
  const runs = [run(1200, 600), run(3500, 400)];
  const gradients = [gradient(6, 7), gradient(8.4, 9.1)];
  const offset = clockOffset(runs, gradients);
  // [max(6000 − 1200, 8400 − 3500), min(7000 − 1800, 9100 − 3900)] = [4900, 5200].
  t.is(offset, 5050);
});

test('spans and kernels are one valid trace on one clock', (t) => {
  const kernel = { cat: 'Node', name: 'conv_kernel_time', ts: 1250, dur: 300, args: { op_name: 'Conv' } };
  const spans: Span[] = [
    { name: 'step 1', track: 'step', start: 5, end: 8 },
    { name: 'waiting for data', track: 'data', start: 5, end: 5.5 },
    gradient(6, 7),
    { name: 'vector program', track: 'work', start: 7.1, end: 7.4, args: { vectors: 'w, g', bytes: 8 } },
  ];
  const gpu = { cat: 'Kernel', name: 'gemm', ts: 1260, dur: 200, args: {} };
  const merged = mergeTrace(spans, [[run(1200, 600), kernel, gpu]], 99);
  const { events, titles } = checkTrace(JSON.parse(JSON.stringify(merged)));
  t.is(Math.min(...events.map(({ ts }) => ts)), 0);
  t.true(events.every(({ pid }) => pid === 99));
  const find = (name: string) => events.find((one) => one.name === name)!;
  const [step, work, conv] = [find('step 1'), find('gradient'), find('conv')];
  t.is(step.ts, 0);
  t.is(work.ts, 1000);
  t.true(conv.ts >= work.ts && conv.ts + conv.dur <= work.ts + work.dur, 'the kernel is in its gradient');
  t.is(titles.get(conv.tid), 'ONNX Runtime');
  t.is(titles.get(find('gemm').tid), 'ONNX Runtime, kernels on the GPU');
  t.is(titles.get(step.tid), 'steps');
  t.deepEqual(find('vector program').args, { vectors: 'w, g', bytes: 8 });
});

test('profiles of several sessions take the gradients in their order', (t) => {
  const merged = mergeTrace([gradient(1, 2), gradient(11, 12)], [[run(100, 1000)], [run(500, 1000)]], 1);
  const runs = checkTrace(merged).events.filter(({ name }) => name === 'model_run');
  t.deepEqual(
    runs.map(({ ts }) => ts),
    [0, 10_000],
  );
  t.not(runs[0]!.tid, runs[1]!.tid);
});
