// Measures how flat two trained models are with a measure that flatmin does not have.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  crossEntropy,
  DataLoader,
  loadDigits,
  mlp,
  type Optimizer,
  SAM,
  SGD,
  TrainingSession,
} from 'flatmin';
import { Ball, count, measure, measureKind, openObjective, option, positive } from 'flatmin/sharpness';

/** How far one can go from the parameters along the gradient until the loss has risen by δ. */
const flatRadius = measureKind({
  name: 'flat-radius',
  options: {
    rise: option(positive, { symbol: 'δ', help: 'rise of the loss', default: 0.1 }),
    halvings: option(count, { symbol: 'n', help: 'times the interval is halved', default: 12 }),
  },
  async run({ evaluations, point, rho }, { rise, halvings }) {
    const line = new Ball(evaluations, rho, point);
    const isBelow = async (distance: number) => {
      line.center();
      const loss = await line.gradient();
      await line.ascend(distance);
      return (await line.loss()) < loss + rise;
    };
    let [low, high] = [0, rho];
    while (high < 1e3 && (await isBelow(high))) [low, high] = [high, 2 * high];
    for (let n = 0; n < halvings; n++) {
      const middle = (low + high) / 2;
      if (await isBelow(middle)) low = middle;
      else high = middle;
    }
    return { value: low, rise };
  },
  value: ({ value }) => value.toPrecision(3),
  how: ({ rise }) => `the loss rises by ${rise}`,
});

const dataset = await loadDigits();

/** A model trained by an optimizer, as a file. */
async function trained(name: string, optimizer: Optimizer): Promise<string> {
  const model = mlp({ inputShape: dataset.shape, hidden: [32] });
  const session = await TrainingSession.create(model, { loss: crossEntropy(), batch: 64 });
  const loader = new DataLoader({ dataset, split: 'train' }, { batch: 64 });
  for (let epoch = 0; epoch < 10; epoch++) for await (const _ of session.train(loader, optimizer));
  const file = join(tmpdir(), `own-measure-${process.pid}-${name}.onnx`);
  await session.save(file);
  session.dispose();
  return file;
}

const base = new SGD({ lr: 0.1, momentum: 0.9 });
for (const [name, optimizer] of Object.entries({ sgd: base, sam: new SAM(base, { rho: 0.2 }) })) {
  const objective = await openObjective({ model: await trained(name, optimizer), dataset, samples: 500 });
  const { measures } = await measure(objective, { measures: ['ascent', flatRadius], rho: 0.2, rise: 0.05 });
  const found = measures['flat-radius']!;
  console.log(
    `${name}: flat radius ${flatRadius.value(found)} (${flatRadius.how(found)}; ${found.cost.losses} passes), ` +
      `ascent ${measures.ascent!.value.toPrecision(3)}`,
  );
  objective.dispose();
}
