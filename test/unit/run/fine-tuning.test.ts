import test from 'ava';
import { prepare } from '../../../src/run/setup.js';
import { resolveSettings } from '../../../src/settings/resolve.js';
import type { TrainSettings } from '../../../src/settings/schema.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import { ParameterSpace } from '../../../src/vectors/parameter-space.js';

const MODEL = 'examples/fine-tune-classifier/model.onnx';

const prepared = (given: Partial<TrainSettings>) =>
  prepare(resolveSettings({ model: MODEL, data: 'digits', batch: 64, epochs: 8, lr: 0.1, ...given }), {
    workers: 0,
  });

/** The group of each parameter: its rate over the run's at a step, and the step that it is trained from. */
async function groupsOf(given: Partial<TrainSettings>, step = 30) {
  const { groups, binding, optimizer, stepsPerEpoch } = await prepared(given);
  const rate = (optimizer.describe().lr as (step: number) => number)(step);
  const found = binding.weights.parameters.map(({ name, dims }) => {
    const group = groups.find(({ parameters }) =>
      (parameters as (name: string, dims: unknown) => boolean)(name, dims),
    );
    const lr = group?.lr as ((step: number) => number) | undefined;
    return [name, { ...group, rate: lr && Number((lr(step) / rate).toFixed(6)) }] as const;
  });
  return { of: new Map(found), stepsPerEpoch };
}

test('each block before another has its rate times the decay, groups of their own too', async (t) => {
  const { of } = await groupsOf({
    layerDecay: 0.5,
    groups: [{ parameters: 'bn1', lr: 0.3, weightDecay: 0 }],
  });
  t.is(of.get('fc.weight')!.rate, 1);
  t.is(of.get('fc.bias')!.rate, 1);
  t.is(of.get('layer2.conv1.weight')!.rate, 0.5);
  t.is(of.get('layer1.conv2.weight')!.rate, 0.25);
  t.is(of.get('stem.0.weight')!.rate, 0.125);
  t.like(of.get('layer1.bn1.weight'), { rate: 0.75, weightDecay: 0 });
  t.true([...of.values()].every(({ from }) => from === undefined));
});

test('blocks are unfrozen one after the other, from the output', async (t) => {
  const { of, stepsPerEpoch } = await groupsOf({ unfreezeEvery: 1.5 });
  t.is(of.get('fc.weight')!.from, 0);
  t.is(of.get('layer2.bn2.bias')!.from, Math.round(1.5 * stepsPerEpoch));
  t.is(of.get('stem.0.weight')!.from, Math.round(4.5 * stepsPerEpoch));
  t.is(of.get('stem.0.weight')!.rate, 1);
});

test('what a group freezes stays frozen', async (t) => {
  const { groups, binding } = await prepared({
    unfreezeEvery: 1,
    groups: [{ parameters: '^stem', frozen: true }],
  });
  const space = new ParameterSpace(binding.weights.parameters, groups, new CpuDevice(1));
  t.teardown(() => space.dispose());
  space.beginStep(1e9);
  const one = space.vector();
  await space.fillNormal(one, 0, 0);
  for (const { name } of space.arena.segments)
    t.is(
      space.arena.read(one, name).every((value) => value === 0),
      name.startsWith('stem'),
      name,
    );
});

test('notes say which layer is new, and what each block has', async (t) => {
  const { notes } = await prepared({ head: 10, layerDecay: 0.75, unfreezeEvery: 4 });
  t.deepEqual(notes, [
    'The last layer, Gemm "node_linear", which makes "logits", is a new one: 10 classes instead of 10 (fc.weight, fc.bias).',
    'Blocks from the output, with the learning rate and the epoch that it is trained from: fc × 1 from epoch 1; layer2 × 0.75 from epoch 5; layer1 × 0.563 never; stem.0 × 0.422 never.',
  ]);
});

test('linear probing trains the last layer alone, whatever it is called', async (t) => {
  const { binding, notes } = await prepared({ headOnly: true });
  t.deepEqual(binding.parameters, ['fc.weight', 'fc.bias']);
  t.deepEqual(notes, ['Only the last layer is trained (fc.weight, fc.bias); running statistics stay.']);
  for (const other of [{ freeze: ['fc*'] }, { train: ['fc*'] }, { layerDecay: 0.5 }, { unfreezeEvery: 1 }])
    await t.throwsAsync(prepared({ headOnly: true, ...other }), {
      code: 'INVALID_ARGUMENT',
      message: /"headOnly" trains the last layer alone: leave "\w+" out/,
    });
});

test('the classes of a new head must be those of the data', async (t) => {
  await t.throwsAsync(prepared({ head: 7 }), {
    code: 'INVALID_MODEL',
    message:
      /has shape batch × 7, which does not fit the 10 classes of digits: --head 10 gives it a new last layer/,
  });
});

test('out of range is refused by name', (t) => {
  for (const given of [{ head: 0 }, { layerDecay: 0 }, { layerDecay: 1.1 }, { unfreezeEvery: 0 }])
    t.throws(() => resolveSettings({ model: MODEL, data: 'digits', ...given }), {
      code: 'INVALID_ARGUMENT',
      message: new RegExp(Object.keys(given)[0]!),
    });
});
