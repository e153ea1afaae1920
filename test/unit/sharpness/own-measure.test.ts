import test from 'ava';
import { option } from '../../../src/options/option.js';
import { count } from '../../../src/options/values.js';
import { measureKind } from '../../../src/sharpness/declare.js';
import { measure } from '../../../src/sharpness/measure.js';
import { QuadraticObjective, rotated, SPECTRUM } from './quadratic.js';

const objective = () => new QuadraticObjective(rotated(SPECTRUM));

const multiple = measureKind({
  name: 'multiple',
  options: { times: option(count, { help: 'times the loss', default: 2 }) },
  async run({ evaluations }, { times }) {
    await evaluations.gradient();
    return { value: times * (await evaluations.loss()), times };
  },
  value: ({ value }) => String(value),
  how: ({ times }) => `${times} times`,
});

test('a measure of one’s own stands beside those of flatmin in the report', async (t) => {
  const seen = new Set<string>();
  const report = await measure(objective(), {
    measures: [multiple, 'ascent'],
    times: 3,
    onPass: (name) => seen.add(name),
  });
  const found = report.measures.multiple!;
  t.is(found.value, 3 * report.loss);
  t.is(multiple.how(found), '3 times');
  // The loss at the parameters is known, and their gradient still in place.
  t.like(found.cost, { gradients: 0, losses: 0 });
  t.true(report.measures.ascent!.value > 0);
  t.deepEqual(Object.keys(report.measures), ['ascent', 'multiple'], 'those of flatmin first');
  t.is(report.eta, null);
  t.deepEqual([...seen], ['ascent']);
});

test('it may be the only one, and has its defaults', async (t) => {
  const { measures, loss } = await measure(objective(), { measures: [multiple] });
  t.deepEqual(Object.keys(measures), ['multiple']);
  t.is(measures.multiple!.value, 2 * loss);
});

test('it may use the adaptive ball, and a list that is not known in advance', async (t) => {
  const adaptive = measureKind({
    ...multiple,
    name: 'in-ball',
    isAdaptive: true,
    async run({ adaptive: ball }) {
      await ball.gradient();
      await ball.ascend(ball.radius);
      return { value: await ball.loss(), times: 1 };
    },
  });
  const chosen = [multiple, adaptive].slice(1);
  const { eta, measures } = await measure(objective(), { measures: chosen, eta: 0.5 });
  t.is(eta, 0.5);
  t.deepEqual(Object.keys(measures), ['in-ball']);
});

test('its options are checked, and its name is its own', async (t) => {
  const fails = (measures: Parameters<typeof measure>[1]['measures'], message: RegExp, times = 1) =>
    t.throwsAsync(measure<'ascent' | typeof multiple>(objective(), { measures: measures as [], times }), {
      code: 'INVALID_ARGUMENT',
      message,
    });
  const list = [multiple] as unknown as ['ascent'];
  await fails(list, /times to be a positive integer, but received 0/, 0);
  await fails([...list, ...list], /measures.*names of their own.*"multiple"/);
  const taken = measureKind({ ...multiple, name: 'trace' });
  await fails([taken] as unknown as ['ascent'], /measures.*names of their own.*"trace"/);
  await fails([...list, 'ascend' as 'ascent'], /measures.*ascent.*"ascend"/);
});
