import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { strFromU8 } from 'fflate';
import { type ErrorCode, FlatminError } from '../../../src/errors.js';
import { classifierOf } from '../../../src/ort/installed.js';
import { readPayload } from '../../../src/provision/payload.js';
import { classifier, LIBRARY, temporaryFolder, writeJar } from './jars.js';

const texts = (files: ReadonlyMap<string, Uint8Array>) =>
  Object.fromEntries([...files].map(([name, bytes]) => [name, strFromU8(bytes)]));

test('of a jar the runtime and its CUDA provider are taken, and nothing else', async (t) => {
  const gpu = classifierOf('gpu') ?? classifier;
  const jar = writeJar(
    temporaryFolder(t),
    {
      [LIBRARY]: 'runtime',
      'libonnxruntime.so': 'its other name',
      'libonnxruntime_providers_shared.so': 'shared',
      'libonnxruntime_providers_cuda.so': 'cuda',
      'libonnxruntime_providers_dnnl.so': 'dnnl',
      'libjnionnxruntime.so': 'java',
    },
    gpu,
  );
  const payload = await readPayload(jar);
  t.is(payload.classifier, gpu);
  t.is(payload.library, LIBRARY);
  t.deepEqual(texts(payload.files), {
    [LIBRARY]: 'runtime',
    'libonnxruntime_providers_shared.so': 'shared',
    'libonnxruntime_providers_cuda.so': 'cuda',
  });
});

test('a folder and a library in it give the same, whatever links to it', async (t) => {
  const folder = temporaryFolder(t);
  const real = join(folder, 'real');
  mkdirSync(real);
  writeFileSync(join(real, 'libonnxruntime.so.1.28.0'), 'runtime');
  writeFileSync(join(real, 'libonnxruntime_providers_shared.so'), 'shared');
  symlinkSync('libonnxruntime.so.1.28.0', join(real, LIBRARY));
  symlinkSync(join(real, LIBRARY), join(folder, LIBRARY));
  const expected = { [LIBRARY]: 'runtime', 'libonnxruntime_providers_shared.so': 'shared' };
  for (const from of [real, join(real, LIBRARY), folder, join(folder, LIBRARY)]) {
    const payload = await readPayload(from);
    t.deepEqual(texts(payload.files), expected, from);
    t.is(payload.classifier, classifier);
  }
});

test('what is no such jar is refused with what it is', async (t) => {
  const folder = temporaryFolder(t);
  const text = join(folder, 'page.jar');
  writeFileSync(text, '<html>404</html>');
  const empty = join(folder, 'empty.jar');
  writeFileSync(empty, '');
  const cut = writeJar(folder, { [LIBRARY]: 'x'.repeat(10_000) });
  truncateSync(cut, 6000);
  const without = writeJar(folder, { 'libjnionnxruntime.so': 'java' }, 'java-only');
  const foreign = writeJar(folder, { 'libonnxruntime.so.1': 'elf' }, 'linux-riscv64');
  const bare = join(folder, 'bare');
  mkdirSync(bare);
  const cases: [string, ErrorCode, RegExp][] = [
    [join(folder, 'no.jar'), 'NOT_FOUND', /no\.jar does not exist/],
    [text, 'INVALID_DATA', /page\.jar is neither a jar/],
    [empty, 'INVALID_DATA', /empty\.jar is neither a jar/],
    [cut, 'INVALID_DATA', /is damaged or not whole/],
    [without, 'INVALID_DATA', /java-only\.jar holds no ONNX Runtime/],
    [foreign, 'INVALID_DATA', new RegExp(`is built for linux-riscv64, but this is ${process.platform}`)],
    [bare, 'NOT_FOUND', /no libonnxruntime in the folder/],
  ];
  for (const [path, code, message] of cases) {
    const error = await t.throwsAsync(readPayload(path), { instanceOf: FlatminError, message }, path);
    t.is(error?.code, code, path);
  }
});

test('a damaged entry is refused', async (t) => {
  const folder = temporaryFolder(t);
  const jar = writeJar(folder, { [LIBRARY]: 'x'.repeat(100) });
  const bytes = readFileSync(jar);
  // The sizes in the central directory say more than there is.
  const at = bytes.lastIndexOf('PK\x01\x02');
  bytes.writeUInt32LE(1 << 30, at + 20);
  bytes.writeUInt32LE(1 << 30, at + 24);
  bytes.writeUInt16LE(8, at + 10);
  writeFileSync(jar, bytes);
  await t.throwsAsync(readPayload(jar), { instanceOf: FlatminError, message: /damaged or not whole/ });
});

test('a jar whose libraries unpack to more than a runtime is, is refused', async (t) => {
  const jar = writeJar(temporaryFolder(t), { [LIBRARY]: 'x', 'libonnxruntime_providers_cuda.so': 'y' });
  const bytes = readFileSync(jar);
  for (let at = bytes.indexOf('PK\x01\x02'); at !== -1; at = bytes.indexOf('PK\x01\x02', at + 1))
    if (bytes.readUInt32LE(at + 24) === 1) bytes.writeUInt32LE(0xf0000000, at + 24);
  writeFileSync(jar, bytes);
  const message = /its libraries unpack to 8053063680 bytes, but a runtime has at most 4294967296/;
  await t.throwsAsync(readPayload(jar), { code: 'INVALID_DATA', message });
});
