import test from 'ava';
import { KeptSamples } from '../../../src/session/samples.js';

function counted() {
  const asked: string[] = [];
  const feeds = (first: number, count: number) => {
    asked.push(`${first}+${count}`);
    return {
      images: Float32Array.from({ length: 4 * count }, (_, i) => first + i),
      labels: BigInt64Array.of(1n),
    };
  };
  return { asked, samples: { count: 6, feeds } };
}

test('a batch is made once, and is the same one then', async (t) => {
  const { asked, samples } = counted();
  const kept = new KeptSamples(samples);
  t.is(kept.count, 6);
  const first = await kept.feeds(0, 4);
  t.deepEqual(
    first.images,
    Float32Array.from({ length: 16 }, (_, i) => i),
  );
  await kept.feeds(4, 2);
  t.is(await kept.feeds(0, 4), first);
  t.is((await kept.feeds(4, 2)).images![0], 4);
  t.deepEqual(asked, ['0+4', '4+2']);
});

test('what does not fit is made each time', async (t) => {
  const { asked, samples } = counted();
  const kept = new KeptSamples(samples, 80);
  for (let point = 0; point < 2; point++)
    for (const first of [0, 4]) await kept.feeds(first, first === 0 ? 4 : 2);
  t.deepEqual(asked, ['0+4', '4+2', '4+2'], 'one batch of 72 bytes');
});
