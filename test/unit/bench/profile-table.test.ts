import { readFileSync } from 'node:fs';
import test from 'ava';
import { profileTable } from '../../../src/bench/kernels/profile-table.js';
import { type ProfileEvent, parseProfile } from '../../../src/bench/trace/ort-profile.js';

/** Six runs of an MLP 16-16-3 at batch 8 (three SAM steps), recorded with ONNX Runtime 1.30; each event has fewer arguments. */
const recorded = parseProfile(
  readFileSync(new URL('../../../../test/fixtures/bench/profile.json', import.meta.url), 'utf8'),
  'profile.json',
);

test('equal calls of a recorded profile are one row, with their cost and the median of their times', (t) => {
  const { rows, activationBytes, timed } = profileTable(recorded, 2);
  t.is(timed, 'calls');
  t.is(activationBytes, 3152);
  const hidden = rows.filter(({ op }) => op === 'FusedGemm');
  t.like(hidden, [
    {
      inputs: ['float 8×16', 'float 16×16', 'float 16'],
      outputs: ['float 8×16'],
      count: 1,
      flop: 2 * 8 * 16 * 16,
      bytes: 4 * (128 + 256 + 16 + 128),
      nodes: ['fused layer1'],
    },
  ]);
  const times = recorded.filter(({ name }) => name === 'fused layer1_kernel_time').slice(2);
  const sorted = times.map(({ dur }) => dur / 1e6).sort((a, b) => a - b);
  t.is(hidden[0]!.seconds, (sorted[1]! + sorted[2]!) / 2);
  t.deepEqual(
    rows.map(({ seconds }) => seconds),
    rows.map(({ seconds }) => seconds).sort((a, b) => b - a),
  );
  const ops = recorded.filter(({ cat }) => cat === 'Node').length / 6;
  t.is(
    rows.reduce((sum, { count }) => sum + count, 0),
    ops,
  );
});

const event = (cat: string, name: string, ts: number, dur: number, args = {}): ProfileEvent => ({
  ...{ cat, name, ts, dur, args },
});
const shapes = { input_type_shape: [{ float16: [2, 3] }], output_type_shape: [{ float: [] }] };

test('runs that warm up do not count, nor what lies outside of runs', (t) => {
  const { rows, kernelSeconds } = profileTable(
    [
      event('Session', 'model_run', 0, 100),
      event('Node', 'a_kernel_time', 10, 50, { op_name: 'Exp', ...shapes }),
      event('Session', 'model_run', 200, 100),
      event('Node', 'a_kernel_time', 210, 30, { op_name: 'Exp', ...shapes }),
      event('Node', 'b_kernel_time', 250, 10, { op_name: 'Exp', ...shapes }),
      event('Node', 'c_kernel_time', 400, 10, { op_name: 'Exp', ...shapes }),
    ],
    1,
  );
  t.is(kernelSeconds.length, 1);
  t.true(Math.abs(kernelSeconds[0]! - 4e-5) < 1e-12);
  t.like(rows, [
    { op: 'Exp', inputs: ['float16 2×3'], outputs: ['float scalar'], count: 2, seconds: 4e-5, bytes: 16 },
  ]);
  t.deepEqual(rows[0]!.nodes, ['a', 'b']);
});

test('where the profile has kernels of a GPU, their times count', (t) => {
  const { rows, timed } = profileTable([
    event('Session', 'model_run', 0, 100),
    event('Node', 'a_kernel_time', 10, 5, { op_name: 'Exp', ...shapes }),
    event('Kernel', 'exp', 12, 40, { parent_name: 'a_kernel_time' }),
    event('Kernel', 'exp', 60, 20, { parent_name: 'a_kernel_time' }),
  ]);
  t.is(timed, 'kernels');
  t.true(Math.abs(rows[0]!.seconds - 6e-5) < 1e-12);
});

test('what is no profile is refused by name', (t) => {
  t.throws(() => parseProfile('{', 'x.json'), { code: 'INVALID_DATA', message: /^x\.json is no profile/ });
  t.throws(() => parseProfile('{}', 'x.json'), { code: 'INVALID_DATA', message: /list of events/ });
});
