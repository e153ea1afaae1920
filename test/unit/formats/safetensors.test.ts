import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import {
  type NamedTensor,
  readSafetensors,
  type StoredTensor,
  writeSafetensors,
} from '../../../src/formats/safetensors.js';

// safetensors.torch.save({'conv.weight': arange(6.).reshape(2, 3) / 4, 'steps': tensor([2**40, -1]),
// 'half': tensor([1.5], float16), 'flag': tensor(True)}, {'format': 'pt'}), safetensors 0.8.0.
const FROM_PYTHON = Buffer.from(
  'GAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJzdGVwcyI6eyJkdHlwZSI6Ikk2NCIsInNoYXBlIjpbMl0sImRhdGFf' +
    'b2Zmc2V0cyI6WzAsMTZdfSwiY29udi53ZWlnaHQiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzIsM10sImRhdGFfb2Zmc2V0cyI6WzE2LDQw' +
    'XX0sImhhbGYiOnsiZHR5cGUiOiJGMTYiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOls0MCw0Ml19LCJmbGFnIjp7ImR0eXBlIjoiQk9P' +
    'TCIsInNoYXBlIjpbXSwiZGF0YV9vZmZzZXRzIjpbNDIsNDNdfX0gICAgICAgAAAAAAABAAD//////////wAAAAAAAIA+AAAAPwAAQD8AAIA/' +
    'AACgPwA+AQ==',
  'base64',
);

async function temporaryPath(bytes?: Uint8Array): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'flatmin-safetensors-')), 'a.safetensors');
  if (bytes) await writeFile(path, bytes);
  return path;
}

function file(header: string, dataBytes: number): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(dataBytes)]);
}

test('reads what Python wrote', async (t) => {
  const { tensors, metadata } = await readSafetensors(await temporaryPath(FROM_PYTHON));
  t.deepEqual(metadata, { format: 'pt' });
  t.deepEqual([...tensors.keys()], ['steps', 'conv.weight', 'half', 'flag']);
  t.deepEqual(tensors.get('conv.weight'), {
    name: 'conv.weight',
    dtype: 'F32',
    shape: [2, 3],
    data: new Float32Array([0, 0.25, 0.5, 0.75, 1, 1.25]),
  });
  t.deepEqual(tensors.get('steps')?.data, new BigInt64Array([2n ** 40n, -1n]));
  t.deepEqual(tensors.get('half')?.data, new Uint16Array([0x3e00]));
  t.deepEqual(tensors.get('flag'), { name: 'flag', dtype: 'BOOL', shape: [], data: new Uint8Array([1]) });
});

test('writes, in the order of Python’s file, the bytes Python wrote', async (t) => {
  const { tensors, metadata } = await readSafetensors(await temporaryPath(FROM_PYTHON));
  const path = await temporaryPath();
  await writeSafetensors(path, [...tensors.values()], metadata);
  t.deepEqual(await readFile(path), FROM_PYTHON);
});

test('keeps order, odd names, empty tensors, views and unaligned places', async (t) => {
  const whole = new Float32Array([9, 1, 2, 9]);
  const written: NamedTensor[] = [
    { name: 'b', dtype: 'U8', shape: [3], data: new Uint8Array([1, 2, 3]) },
    { name: '10', dtype: 'F32', shape: [2], data: whole.subarray(1, 3) },
    { name: '2', dtype: 'F64', shape: [1], data: new Float64Array([Math.PI]) },
    { name: '__proto__', dtype: 'I32', shape: [0, 7], data: new Int32Array(0) },
    { name: 'naïve "quoted"\\', dtype: 'I64', shape: [], data: new BigInt64Array([-5n]) },
  ];
  const path = await temporaryPath();
  await writeSafetensors(path, written, { note: '{"a": 1}' });
  const { tensors, metadata } = await readSafetensors(path);
  t.deepEqual(
    [...tensors.values()],
    [written[0]!, { ...written[1]!, data: new Float32Array([1, 2]) }, ...written.slice(2)],
  );
  t.deepEqual(metadata, { note: '{"a": 1}' });
  t.is((await readFile(path)).readUInt32LE(0) % 8, 0);
});

test('an empty file of tensors', async (t) => {
  const path = await temporaryPath();
  await writeSafetensors(path, []);
  t.is((await readSafetensors(path)).tensors.size, 0);
});

test('a failing write leaves the old file', async (t) => {
  const path = await temporaryPath(FROM_PYTHON);
  const bad = [
    [{ name: 'a', dtype: 'F32', shape: [2], data: new Float32Array(3) }, /"a" to be 8 bytes .*received 12/],
    [{ name: 'a', dtype: 'F31', shape: [2], data: new Float32Array(2) }, /dtype of tensor "a".*F31/],
    [{ name: 'a', dtype: 'F32', shape: [-1, -2], data: new Float32Array(2) }, /shape of tensor "a"/],
    [{ name: '__metadata__', dtype: 'F32', shape: [2], data: new Float32Array(2) }, /__metadata__/],
  ] as unknown as [NamedTensor, RegExp][];
  for (const [tensor, message] of bad) {
    await t.throwsAsync(writeSafetensors(path, [tensor]), { instanceOf: FlatminError, message });
  }
  const twice: NamedTensor = { name: 'x', dtype: 'U8', shape: [1], data: new Uint8Array(1) };
  await t.throwsAsync(writeSafetensors(path, [twice, twice]), { message: /unique.*"x"/ });
  t.deepEqual(await readFile(path), FROM_PYTHON);
  t.deepEqual(await readdir(join(path, '..')), ['a.safetensors']);
});

/** Longer than a piece, and no multiple of one. */
const LONG = Float32Array.from({ length: 700_001 }, (_, index) => index / 7);

const stored = (read: StoredTensor['read']): StoredTensor => ({
  name: 'w',
  dtype: 'F32',
  shape: [LONG.length],
  read,
});

test('a tensor that is read when it is written: each byte once, in pieces, to the same file', async (t) => {
  const [whole, inPieces] = [await temporaryPath(), await temporaryPath()];
  const bytes = new Uint8Array(LONG.buffer);
  let expected = 0;
  const tensor = stored((target, byteOffset) => {
    t.is(byteOffset, expected);
    t.true(target.byteLength <= 1 << 20);
    t.is(target.byteOffset, 0);
    expected += target.byteLength;
    target.set(bytes.subarray(byteOffset, byteOffset + target.byteLength));
  });
  const after: NamedTensor = { name: 'x', dtype: 'U8', shape: [3], data: new Uint8Array([1, 2, 3]) };
  await writeSafetensors(inPieces, [tensor, after], { a: 'b' }, { digests: true });
  t.is(expected, LONG.byteLength);
  const { name, dtype, shape } = tensor;
  await writeSafetensors(whole, [{ name, dtype, shape, data: LONG }, after], { a: 'b' }, { digests: true });
  t.true((await readFile(inPieces)).equals(await readFile(whole)));
  t.deepEqual((await readSafetensors(inPieces)).tensors.get('w')?.data, LONG);
});

test('a tensor that cannot be read leaves the old file', async (t) => {
  const path = await temporaryPath(FROM_PYTHON);
  const tensor = stored((_, byteOffset) => {
    if (byteOffset > 1 << 20) throw new Error('no more');
  });
  await t.throwsAsync(writeSafetensors(path, [tensor]), { message: 'no more' });
  t.deepEqual(await readFile(path), FROM_PYTHON);
  t.deepEqual(await readdir(join(path, '..')), ['a.safetensors']);
});

test('a missing file is NOT_FOUND', async (t) => {
  const path = await temporaryPath();
  await t.throwsAsync(readSafetensors(path), { code: 'NOT_FOUND', message: new RegExp(path) });
});

const entry = (dtype: string, shape: string, offsets: string) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;

const malformed: [string, Buffer, RegExp][] = [
  ['empty', Buffer.alloc(0), /at least 8 bytes, but found 0/],
  ['cut in the header', FROM_PYTHON.subarray(0, 100), /header of at most 92 bytes, but found 280/],
  [
    'cut in the data',
    FROM_PYTHON.subarray(0, 320),
    /"conv.weight" to lie within 40 bytes of data, but found 32/,
  ],
  [
    'longer than its tensors',
    Buffer.concat([FROM_PYTHON, Buffer.alloc(2)]),
    /43 bytes of data, but found 45/,
  ],
  ['a huge header length', Buffer.alloc(64, 0xff), /header of at most 56 bytes/],
  ['not an object', file('[1]', 0), /begins with "\{", but found \[1\]/],
  ['not JSON', file('{"a":', 0), /a header that is JSON/],
  ['not UTF-8', Buffer.concat([file('', 0).fill(2, 0, 1), Buffer.from([0x7b, 0xff])]), /UTF-8/],
  ['an entry that is no object', file('{"w":3}', 0), /"w" to have an object.*found 3/],
  ['unknown dtype', file(`{"w":${entry('F31', '[1]', '[0,4]')}}`, 4), /"w" to have a dtype of .*F32.*"?F31/],
  ['inherited dtype', file(`{"w":${entry('toString', '[1]', '[0,4]')}}`, 4), /"w" to have a dtype/],
  ['negative shape', file(`{"w":${entry('F32', '[-1]', '[0,4]')}}`, 4), /"w" to have a shape.*\[-1\]/],
  ['fractional offset', file(`{"w":${entry('U8', '[1]', '[0.5,1.5]')}}`, 4), /"w" to have two data_offsets/],
  ['three offsets', file(`{"w":${entry('U8', '[1]', '[0,1,2]')}}`, 4), /"w" to have two data_offsets/],
  [
    'size and shape at odds',
    file(`{"w":${entry('F32', '[3]', '[0,8]')}}`, 8),
    /"w" to have 12 bytes.*\[0, 8\]/,
  ],
  ['overflowing shape', file(`{"w":${entry('F32', '[9007199254740991,9]', '[0,4]')}}`, 4), /"w" to have/],
  [
    'a hole',
    file(`{"v":${entry('U8', '[1]', '[0,1]')},"w":${entry('U8', '[1]', '[2,3]')}}`, 3),
    /"w" to begin at byte 1, but found 2/,
  ],
  [
    'an overlap',
    file(`{"v":${entry('U8', '[2]', '[0,2]')},"w":${entry('U8', '[2]', '[1,3]')}}`, 3),
    /"w" to begin at byte 2, but found 1/,
  ],
  [
    'a name twice',
    file(`{"w":${entry('U8', '[1]', '[0,1]')},"\\u0077" : ${entry('U8', '[1]', '[0,1]')}}`, 1),
    /tensor "w" once, but found it twice/,
  ],
  ['a name as long as a file', file(`{"${'a'.repeat(2e7)}":3}`, 0), /^.{1,700}$/],
  ['nesting without end', file(`{"w":${'['.repeat(1e6)}${']'.repeat(1e6)}}`, 0), /"w" to have an object/],
  [
    'metadata that is not text',
    file('{"__metadata__":{"epoch":3}}', 0),
    /__metadata__ "epoch" to be a string/,
  ],
];

for (const [what, bytes, message] of malformed) {
  test(`refuses a file: ${what}`, async (t) => {
    const path = await temporaryPath(bytes);
    const error = await t.throwsAsync<FlatminError>(readSafetensors(path), {
      instanceOf: FlatminError,
      message,
    });
    t.is(error.code, 'INVALID_DATA');
    t.true(error.message.startsWith(path));
  });
}
