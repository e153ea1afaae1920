// Trains a transformer encoder on a small made-up language, from the script's own batches.
// node examples/text-classifier/train.mjs [where the trained model goes]
import { fileURLToPath } from 'node:url';
import { AdamW, cosine, crossEntropy, SAM, TrainingSession } from 'flatmin';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const given = fileURLToPath(new URL('model.onnx', import.meta.url));
const out = process.argv[2] ?? 'trained.onnx';
const [batch, longest, epochs] = [64, 12, 16];

// The language: 4 good words, 4 bad ones, 'not', which turns over the word after it, and words that say nothing. A text is good when
// more good than bad is left. Counting words is not enough: the model has to look at what stands before each.
const words = ['', 'not', ...'good great fine lovely'.split(' '), ...'bad awful dull poor'.split(' ')];
words.push(...'the film was very and a plot cast it seems rather quite this one is so'.split(' '));
const worth = (word) => (word >= 2 && word < 6 ? 1 : word >= 6 && word < 10 ? -1 : 0);

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function write(next) {
  for (;;) {
    const text = [];
    let sum = 0;
    for (const length = 4 + Math.floor(next() * (longest - 5)); text.length < length; ) {
      const feeling = next() < 0.5;
      const word = feeling ? 2 + Math.floor(next() * 8) : 10 + Math.floor(next() * (words.length - 10));
      const negated = feeling && next() < 0.4;
      if (negated) text.push(1);
      text.push(word);
      sum += negated ? -worth(word) : worth(word);
    }
    if (sum !== 0) return { text, label: sum > 0 ? 1 : 0 };
  }
}

/** Any async iterable trains: each batch holds typed arrays under the names of the model's inputs, and `labels` for the loss. */
async function* batches(seed, count) {
  const next = random(seed);
  for (let index = 0; index < count; index++) {
    // Word 0 is padding, which the model masks, so that texts of all lengths go into one array.
    const tokens = new BigInt64Array(batch * longest);
    const labels = new BigInt64Array(batch);
    for (let row = 0; row < batch; row++) {
      const { text, label } = write(next);
      tokens.set(text.map(BigInt), row * longest);
      labels[row] = BigInt(label);
    }
    yield { tokens, labels };
  }
}

// The model leaves batch and sequence open; a training graph is made for one size of both.
const session = await TrainingSession.create(given, {
  loss: crossEntropy(),
  batch,
  dims: { sequence: longest },
});
const stepsPerEpoch = 32;
const lr = cosine({ lr: 1e-2, totalSteps: epochs * stepsPerEpoch, warmupSteps: stepsPerEpoch });
const optimizer = new SAM(new AdamW({ lr, weightDecay: 0.01 }), { rho: 0.02 });
const heldBack = () => batches(1, 16);

const show = ({ accuracy, loss }) => `accuracy ${(100 * accuracy).toFixed(1)} %, loss ${loss.toFixed(3)}`;
console.log(`before: on new texts ${show(await session.evaluate(heldBack()))}`);
for (let epoch = 1; epoch <= epochs; epoch++) {
  for await (const each of batches(1 + epoch, stepsPerEpoch)) await session.step(each, optimizer);
  if (epoch % 4 === 0) console.log(`epoch ${epoch}: ${show(await session.evaluate(heldBack()))}`);
}
console.log(`after:  on new texts ${show(await session.evaluate(heldBack()))}`);
await session.save(out);
session.dispose();

// What was saved still takes texts of any length, without padding.
const plain = await InferenceSession.create(out);
for (const text of ['the film was not bad', 'a lovely plot and cast not great not good', 'it seems dull']) {
  const tokens = BigInt64Array.from(text.split(' '), (word) => BigInt(words.indexOf(word)));
  const { logits } = await plain.run({ tokens: new Tensor('int64', tokens, [1, tokens.length]) });
  console.log(`${text}: ${logits.data[1] > logits.data[0] ? 'good' : 'bad'}`);
}
