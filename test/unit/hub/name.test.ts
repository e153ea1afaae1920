import test from 'ava';
import { fits } from '../../../src/hub/glob.js';
import { parseHubName } from '../../../src/hub/name.js';

const commit = '0123456789abcdef0123456789abcdef01234567';

for (const [name, expected] of [
  ['hf:owner/name', ['owner/name', 'main', '']],
  ['hf:owner/na.me-2_x/onnx/model.onnx', ['owner/na.me-2_x', 'main', 'onnx/model.onnx']],
  ['hf:owner/name@v1.0', ['owner/name', 'v1.0', '']],
  [`hf:owner/name@${commit}/a@b.onnx`, ['owner/name', commit, 'a@b.onnx']],
  ['hf:owner/name@refs/pr/12/model.onnx', ['owner/name', 'refs/pr/12', 'model.onnx']],
  ['hf:owner/name@refs/convert/parquet', ['owner/name', 'refs/convert/parquet', '']],
  ['hf:owner/name@feature%2Fa/model.onnx', ['owner/name', 'feature/a', 'model.onnx']],
] as const) {
  test(`${name} is read`, (t) => {
    const { repo, revision, path } = parseHubName(name);
    t.deepEqual([repo, revision, path], [...expected]);
  });
}

for (const name of [
  'hf:',
  'hf:name',
  'hf:owner/',
  'hf:../name',
  'hf:owner/..',
  'hf:owner/a..b',
  'hf:-owner/name',
  'hf:owner/name@',
  'hf:owner/name@..',
  'hf:owner/name@a%2F..%2Fb',
  'hf:owner/name@%zz',
  'hf:owner/name@a b',
  'hf:owner/name/../x.onnx',
  'hf:owner/name/a//b.onnx',
  'hf:owner/name/a\\b.onnx',
  'hf:owner/name/C:/b.onnx',
]) {
  test(`${name} is refused`, (t) => {
    t.throws(() => parseHubName(name), { code: 'INVALID_ARGUMENT', message: /Hugging Face Hub/ });
  });
}

for (const [pattern, yes, no] of [
  [
    'train*.parquet',
    ['train-0.parquet', 'data/train.parquet'],
    ['test.parquet', 'train.parquet.txt', 'xtrain.parquet'],
  ],
  ['data/*.jsonl', ['data/a.jsonl'], ['a.jsonl', 'data/b/a.jsonl', 'old/data/a.jsonl']],
  ['**/*.jsonl', ['a.jsonl', 'data/b/a.jsonl'], ['a.json']],
  ['data/**', ['data/a', 'data/b/c.txt'], ['other/a']],
  ['part-?.csv', ['part-1.csv'], ['part-12.csv']],
  ['a+b(1).txt', ['a+b(1).txt'], ['aab1.txt']],
] as const) {
  test(`the pattern ${pattern}`, (t) => {
    t.deepEqual(
      yes.filter((path) => !fits(path, pattern)),
      [],
    );
    t.deepEqual(
      no.filter((path) => fits(path, pattern)),
      [],
    );
  });
}
