import test from 'ava';
import { isolated } from './isolated.js';

test('views that are not aligned as their elements are refused', async (t) => {
  t.deepEqual(await isolated<string[]>(t, 'misuse', 'oddViews'), []);
});

test('sizes that no memory has are errors', async (t) => {
  t.deepEqual(await isolated<string[]>(t, 'misuse', 'hugeSizes'), []);
});

test('detached arrays are empty ones', async (t) => {
  t.deepEqual(await isolated<string[]>(t, 'misuse', 'detachedArrays'), ['write', 'read', 'normals', 'bits']);
});

test('arguments of any type at any place of any call throw or do nothing, but never crash', async (t) => {
  t.true((await isolated<number>(t, 'misuse', 'anyArguments', [], 3_000)) > 1_000);
});
