import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { gradients } from '../../../src/session/gradients.js';

const folder = fileURLToPath(new URL('../../../../test/fixtures/models/half/', import.meta.url));

interface Reference {
  input: number[];
  dims: number[];
  labels: number[];
  loss: number;
  gradients: Record<string, { shape: number[]; norm: number; first: number[] }>;
}
const references: Record<string, Reference> = JSON.parse(readFileSync(`${folder}references.json`, 'utf8'));

for (const [name, ownTypes] of [
  ['transformer', /^Weights are float16: trained as float32, saved as float16/],
  ['classifier', /^4 of 14 weights are float16: trained as float32, saved as float16/],
] as const) {
  test(`${name} in half precision: loss and every gradient are those of PyTorch’s float64 on the same weights`, async (t) => {
    const { input, dims, labels, loss, gradients: expected } = references[name]!;
    const [key, data] =
      name === 'transformer'
        ? ['ids', BigInt64Array.from(input, BigInt)]
        : ['images', Float32Array.from(input)];
    const found = await gradients(
      `${folder}${name}.onnx`,
      { [key]: { dims, data }, labels: BigInt64Array.from(labels, BigInt) },
      { loss: crossEntropy(), threads: 1 },
    );
    t.regex(found.notes[0]!, ownTypes);
    t.true(Math.abs(found.loss - loss) < 1e-5 * loss, `${found.loss} is not ${loss}`);
    t.deepEqual([...found.gradients.keys()].sort(), Object.keys(expected).sort());
    for (const [parameter, { norm, first, shape }] of Object.entries(expected)) {
      const gradient = found.gradients.get(parameter)!;
      t.deepEqual(found.dims.get(parameter), shape);
      t.true(Math.abs(Math.hypot(...gradient) - norm) <= 1e-4 * norm + 1e-7, `the norm of ${parameter}`);
      for (const [index, value] of first.entries())
        t.true(Math.abs(gradient[index]! - value) <= 1e-4 * norm + 1e-7, `element ${index} of ${parameter}`);
    }
  });
}
