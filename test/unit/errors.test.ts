import test from 'ava';
import { allocating, FlatminError, invalid, withPath } from '../../src/errors.js';

test('whatever was received is shown', (t) => {
  const received: [unknown, string][] = [
    ['a', '"a" of type string'],
    [-1, '-1 of type number'],
    [[1, 2], '[1, 2] of type array'],
    [{ a: 1 }, '{"a":1} of type object'],
    [{ toString: 1 }, '{"toString":1} of type object'],
    [[{ toString: null }], '[{"toString":null}] of type array'],
    [null, 'null of type object'],
    [undefined, 'undefined of type undefined'],
  ];
  for (const [value, text] of received)
    t.is(invalid('x', 'right', value).message, `Expected x to be right, but received ${text}.`);
});

test('memory that cannot be had is told with what it was for', (t) => {
  const allocate = () => new Float32Array(1e15);
  t.throws(() => allocating('The array', 4e15, allocate), {
    code: 'OUT_OF_MEMORY',
    message: /^The array needs 3\.73e\+6 GiB, more than can be held in memory here\.$/,
  });
});

test('an error of an open file gets its path, another stays', (t) => {
  const error = Object.assign(new Error('ENOSPC: no space left on device, write'), { syscall: 'write' });
  t.is((withPath(error, 'a/b') as Error).message, "ENOSPC: no space left on device, write 'a/b'");
  t.is((withPath(error, 'c') as Error).message, "ENOSPC: no space left on device, write 'a/b'");
  t.is((withPath(new Error('other'), 'c') as Error).message, 'other');
});

test('a message that a file made long keeps its beginning and its end', (t) => {
  const { message } = new FlatminError(
    'INVALID_DATA',
    `The cell ${'x'.repeat(5_000_000)} is no number: fill it in.`,
  );
  t.true(message.length < 8100);
  t.regex(
    message,
    /^The cell xxx.*x … \(4992035 characters are left out\) … x.*xxx is no number: fill it in\.$/,
  );
});
