import test from 'ava';
import { isolated } from './isolated.js';

const gc = ['--expose-gc'];

test('a binding runs on after its session and buffers were disposed', async (t) => {
  t.deepEqual(await isolated<number[]>(t, 'lifetime', 'sessionDisposedFirst'), [11, 12, 13, 14]);
});

test('a binding runs on after the handles of its session and buffers were collected', async (t) => {
  t.deepEqual(await isolated<number[]>(t, 'lifetime', 'handlesCollected', gc), [11, 12, 13, 14]);
});

test('a run ends well when all handles are disposed meanwhile', async (t) => {
  t.is(await isolated<string>(t, 'lifetime', 'disposedInFlight'), 'resolved');
});

test('garbage collection during runs, programs and fills harms none of them', async (t) => {
  const done = await isolated<boolean[]>(t, 'lifetime', 'collectedInFlight', gc);
  t.deepEqual(done, Array(18).fill(true));
});

test('a process may end with work under way', async (t) => {
  t.is(await isolated<string>(t, 'lifetime', 'exitInFlight'), 'left');
});

test('failed runs harm nothing that comes after them', async (t) => {
  t.deepEqual(await isolated<number[]>(t, 'lifetime', 'failuresInARow'), [15, 16, 17, 18]);
});
