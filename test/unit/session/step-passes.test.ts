import test from 'ava';
import type { BatchGraph } from '../../../src/session/batch-graph.js';
import type { ModelWeights } from '../../../src/session/model-weights.js';
import { StepPasses } from '../../../src/session/step-passes.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import { ParameterSpace } from '../../../src/vectors/parameter-space.js';
import { Scalar } from '../../../src/vectors/scalar.js';

/** A number that is known later. */
const late = (value: number) => new Scalar({ kind: 'cell', cell: { load: async () => value } });

/** Passes whose losses are these, in float32 without statistics. */
function passes(losses: readonly Scalar[]): StepPasses {
  const left = [...losses];
  const graph = { run: async () => left.shift()! } as unknown as BatchGraph;
  const space = new ParameterSpace([{ name: 'w', dims: [3] }], [], new CpuDevice(1));
  const weights = { space, device: space.device } as ModelWeights;
  const rest = {
    nextStatistics: undefined,
    scaling: undefined,
    statisticsBefore: undefined,
    applied: undefined,
  };
  return new StepPasses({ graph, weights, seed: 0, clock: { seconds: 0 }, ...rest }, 4);
}

test('a loss that is known not to be finite ends the step, which is named', async (t) => {
  const { problem } = passes([Scalar.of(1), Scalar.of(Infinity)]);
  t.is(problem.onNotFinite, 'throw');
  await problem.gradient('update');
  await t.throwsAsync(problem.gradient('keep'), {
    code: 'NOT_FINITE',
    message: /loss is Infinity at step 5/,
  });
});

test('a loss that is known later counts in the health of the step, whatever its gradient is', async (t) => {
  const { problem } = passes([late(1), late(Infinity), late(2)]);
  t.is(problem.health!(), undefined);
  await problem.gradient('update');
  t.true(Number.isFinite(await problem.health!()!.read()));
  await problem.gradient('keep');
  await problem.gradient('keep');
  t.true(Number.isNaN(await problem.health!()!.read()));
});
