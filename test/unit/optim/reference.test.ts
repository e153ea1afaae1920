import test from 'ava';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import * as targets from '../../../src/lowering/targets.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import { TrainingSession } from '../../../src/session/session.js';
import { formulaImages, formulaLabels, formulaTensor } from '../../reference/formula.js';
import { relativeError } from '../../reference/tolerance.js';
import {
  type CaseSettings,
  fixture,
  optimizerOf,
  type ReferenceCase,
  type Shortcut,
  samplesOf,
} from './reference-fixture.js';
import { apart, checkParameters, checkStatistics, norm } from './reference-state.js';

const [batch, channels, height, width] = fixture.network.images;
const images = formulaImages(batch * channels * height * width);
const labels = BigInt64Array.from(formulaLabels(batch), BigInt);

const isStatistic = (name: string): boolean => /\.(mean|variance)$/.test(name);

const sessions = new Map<string, Promise<TrainingSession>>();

/** A session on WRN-10-1 with the formula's weights and fresh statistics; one session serves many tests. */
async function sessionAtStart(
  target: targets.Target,
  { shortcut, labelSmoothing }: Pick<CaseSettings, 'shortcut' | 'labelSmoothing'>,
): Promise<TrainingSession> {
  const key = `${target.name} ${shortcut} ${labelSmoothing}`;
  const model = () =>
    wideResNet({ depth: 10, width: 1, inputShape: [channels, height, width], shortcut, classes: 10 });
  if (!sessions.has(key)) {
    const loss = crossEntropy({ labelSmoothing });
    sessions.set(key, TrainingSession.create(model(), { loss, batch, target }));
  }
  const session = await sessions.get(key)!;
  for (const [name, values] of startOf(shortcut)) session.setWeight(name, values);
  for (const name of session.weightNames.filter(isStatistic)) {
    const count = session.weight(name).length;
    session.setWeight(name, new Float32Array(count).fill(name.endsWith('.mean') ? 0 : 1));
  }
  session.restore({ steps: 0 });
  await session.feed({ images, labels });
  return session;
}

const startOf = (shortcut: Shortcut): Map<string, Float32Array> =>
  new Map(
    Object.entries(fixture.parameters[shortcut]).map(([name, [kind, shape]], k) => [
      name,
      formulaTensor(kind, k, shape),
    ]),
  );

function statisticsOf(session: TrainingSession): Map<string, Float32Array> {
  return new Map(
    session.weightNames.filter(isStatistic).map((name) => [name, session.weight(name)] as const),
  );
}

test.after.always(async () => {
  for (const created of await Promise.allSettled(sessions.values()))
    if (created.status === 'fulfilled') created.value.dispose();
});

/**
 * How three steps of a case differ from the reference; empty when they do not.
 *
 * The gradient jumps where an activation is within float32's rounding of ReLU's corner, so that a correct run may differ by some 1e-3.
 * A run from a start moved by one part in 10⁷ passes on the other side of such a corner: a case agrees if one of these does.
 * @param nudge 0 starts at the formula's weights, each other number a little beside them
 */
async function deviations(
  target: targets.Target,
  { settings, losses, after, statistics }: ReferenceCase,
  nudge: number,
): Promise<string[]> {
  const session = await sessionAtStart(target, settings);
  const start = startOf(settings.shortcut);
  if (nudge > 0) {
    for (const [name, values] of start)
      session.setWeight(
        name,
        values.map((value, i) => value * (1 + 1e-7 * Math.sin(nudge * (i + 1)))),
      );
  }
  const found: string[] = [];
  const check = (what: string, error: number, limit: number) => {
    if (!(error < limit)) found.push(`${what} differs by ${error}`);
  };
  const optimizer = optimizerOf(settings);
  for (let step = 1; step <= losses.length; step++) {
    const report = await session.step({ images, labels }, optimizer);
    check(`loss ${step}`, apart(report.loss, losses[step - 1]!), 1e-5);
    check(`learning rate ${step}`, apart(report.lr, settings.base.lr), 1e-12);
    const expected = after[step];
    if (expected) checkParameters(session, start, expected, step, check);
  }
  checkStatistics(session, statistics, check);
  return found;
}

const isTarget = (value: unknown): value is targets.Target =>
  typeof value === 'object' && value !== null && 'ops' in value;
/** Every target whose kernels the stock runtime, with flatmin's own, has. */
const runnable = Object.values(targets).filter(
  (target): target is targets.Target => isTarget(target) && target.name !== 'training',
);

for (const target of runnable) {
  for (const [name, initial] of Object.entries(fixture.initial)) {
    test.serial(`${target.name}: loss and gradient at the start, ${name}`, async (t) => {
      const session = await sessionAtStart(target, initial);
      t.deepEqual(
        session.space.arena.segments.map(({ name, dims }) => [name, [...dims]]).sort(),
        Object.entries(fixture.parameters[initial.shortcut])
          .map(([name, [, shape]]) => [name, shape])
          .sort(),
      );
      const loss = (await session.problem().gradient('keep')).known!;
      t.true(apart(loss, initial.loss) < 1e-5, `loss ${loss}, expected ${initial.loss}`);

      const { arena, gradient } = session.space;
      const squares = new Float32Array(arena.length);
      gradient.read(squares);
      t.true(apart(norm(squares), initial.gradientNorm) < 1e-5, 'norm of the whole gradient');
      for (const [name, [expectedNorm, samples]] of Object.entries(initial.gradient)) {
        const found = arena.read(gradient, name);
        t.true(apart(norm(found), expectedNorm) < 1e-5, `norm of the gradient of ${name}`);
        const error = relativeError(samplesOf(found, samples.length), samples);
        t.true(error < 1e-4, `the gradient of ${name} differs by ${error}`);
      }
    });
  }

  for (const shortcut of ['conv', 'pad'] as const) {
    test.serial(
      `${target.name}: running statistics move in a pass that updates them alone, ${shortcut}`,
      async (t) => {
        const session = await sessionAtStart(target, { shortcut, labelSmoothing: 0 });
        const before = statisticsOf(session);
        await session.problem().gradient('keep');
        t.deepEqual(statisticsOf(session), before);
        await session.problem().gradient('update');
        const after = statisticsOf(session);
        t.deepEqual([...after.keys()].sort(), Object.keys(fixture.initialStatistics[shortcut]).sort());
        for (const [name, expected] of Object.entries(fixture.initialStatistics[shortcut])) {
          const error = relativeError(after.get(name)!, expected, 1e-2);
          t.true(error < 1e-5, `${name} differs by ${error}`);
        }
      },
    );
  }

  for (const [name, reference] of Object.entries(fixture.cases)) {
    test.serial(`${target.name}: three steps of ${name} equal the reference`, async (t) => {
      const first = await deviations(target, reference, 0);
      let last = first;
      for (let nudge = 1; nudge <= 8 && last.length > 0; nudge++)
        last = await deviations(target, reference, nudge);
      t.deepEqual(last.length === 0 ? [] : first, []);
    });
  }

  test.serial(`${target.name}: ascent passes leave the running statistics alone, bit for bit`, async (t) => {
    const afterOneStep = async (name: string) => {
      const { settings } = fixture.cases[name]!;
      const session = await sessionAtStart(target, settings);
      await session.step({ images, labels }, optimizerOf(settings));
      return statisticsOf(session);
    };
    const clean = await afterOneStep('sgd');
    for (const name of ['sam', 'sam-3-split', 'sam-3-project', 'sam-3-sum', 'asam', 'sam-adamw'])
      t.deepEqual(await afterOneStep(name), clean, name);
    t.notDeepEqual(await afterOneStep('rand-sam'), clean, 'its only pass is the perturbed one');
  });
}
