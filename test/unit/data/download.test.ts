import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { create } from 'tar';
import { downloadCifar, loadCifar100 } from '../../../src/data/index.js';
import { temporaryFolder } from './sets.js';

interface Packed {
  archive: string;
  bytes: Buffer;
  md5: string;
}

/** A tiny archive laid out as the published CIFAR-100 one. */
async function pack(t: ExecutionContext, files = ['train.bin', 'test.bin']): Promise<Packed> {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, 'cifar-100-binary'));
  for (const file of files)
    await writeFile(join(folder, 'cifar-100-binary', file), new Uint8Array(3074).fill(5));
  await writeFile(join(folder, 'stray.txt'), 'not part of the data set');
  const archive = join(folder, 'tiny.tar.gz');
  await create({ file: archive, cwd: folder, gzip: true }, ['cifar-100-binary', 'stray.txt']);
  const bytes = await readFile(archive);
  return { archive, bytes, md5: createHash('md5').update(bytes).digest('hex') };
}

async function serve(t: ExecutionContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/cifar-100-binary.tar.gz`;
}

test('an archive is downloaded with progress, checked and unpacked', async (t) => {
  const { bytes, md5 } = await pack(t);
  const url = await serve(t, (_, response) => response.setHeader('content-length', bytes.length).end(bytes));
  const out = join(await temporaryFolder(t), 'new', 'folder');
  const progress: [number, number | undefined][] = [];
  const folder = await downloadCifar('cifar100', out, {
    url,
    md5,
    onProgress: (...seen) => progress.push(seen),
  });
  t.is(folder, join(out, 'cifar-100-binary'));
  t.deepEqual(progress.at(-1), [bytes.length, bytes.length]);
  t.deepEqual(await readdir(out), ['cifar-100-binary']);
  t.like(await loadCifar100(out), { train: { size: 1 }, test: { size: 1 } });
});

test('a wrong checksum leaves nothing behind', async (t) => {
  const { bytes } = await pack(t);
  const url = await serve(t, (_, response) => response.end(bytes));
  const out = await temporaryFolder(t);
  await t.throwsAsync(downloadCifar('cifar100', out, { url }), {
    code: 'INVALID_DATA',
    message: /MD5 [0-9a-f]{32}, but 03b5dce01913d631647c71ecec9e9cb8 is expected/,
  });
  t.deepEqual(await readdir(out), []);
});

test('without a network the error says what to do', async (t) => {
  // A port that was free a moment ago.
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const out = await temporaryFolder(t);
  const url = `http://127.0.0.1:${port}/cifar-10-binary.tar.gz`;
  const error = await t.throwsAsync(downloadCifar('cifar10', out, { url }), {
    code: 'NETWORK',
    message: /ECONNREFUSED/,
  });
  t.true(error?.message.includes(`flatmin data cifar10 --from cifar-10-binary.tar.gz --out ${out}`));
  t.deepEqual(await readdir(out), []);
});

test('an answer that is no success and one that breaks off are network errors', async (t) => {
  const { bytes } = await pack(t);
  const out = await temporaryFolder(t);
  const missing = await serve(t, (_, response) => response.writeHead(404).end('no'));
  await t.throwsAsync(downloadCifar('cifar100', out, { url: missing }), {
    code: 'NETWORK',
    message: /404 Not Found/,
  });
  const broken = await serve(t, (_, response) => {
    response.setHeader('content-length', bytes.length);
    response.write(bytes.subarray(0, 50), () => response.destroy());
  });
  await t.throwsAsync(downloadCifar('cifar100', out, { url: broken }), { code: 'NETWORK' });
  t.deepEqual(await readdir(out), []);
});

test('a download can be stopped', async (t) => {
  const { bytes } = await pack(t);
  const url = await serve(t, (_, response) => void response.write(bytes.subarray(0, 50)));
  const out = await temporaryFolder(t);
  const stop = new AbortController();
  const options = { url, signal: stop.signal, onProgress: () => stop.abort() };
  await t.throwsAsync(downloadCifar('cifar100', out, options), { code: 'INTERRUPTED' });
  t.deepEqual(await readdir(out), []);
});

test('an archive on disk is used instead of the network and kept', async (t) => {
  const { archive, bytes, md5 } = await pack(t);
  const out = await temporaryFolder(t);
  await mkdir(join(out, 'cifar-100-binary'));
  await writeFile(join(out, 'cifar-100-binary', 'train.bin'), 'damaged');
  await downloadCifar('cifar100', out, { from: archive, md5 });
  t.is((await loadCifar100(out)).train.size, 1);
  t.deepEqual(await readFile(archive), bytes);

  await t.throwsAsync(downloadCifar('cifar100', out, { from: `${archive}.gone` }), { code: 'NOT_FOUND' });
  await t.throwsAsync(downloadCifar('cifar100', out, { from: archive }), {
    code: 'INVALID_DATA',
    message: /tiny\.tar\.gz has MD5/,
  });
});

test('an archive without the data files is refused', async (t) => {
  const { archive, md5 } = await pack(t, ['train.bin']);
  const out = await temporaryFolder(t);
  await t.throwsAsync(downloadCifar('cifar100', out, { from: archive, md5 }), {
    code: 'INVALID_DATA',
    message: /does not hold the data files of CIFAR-100/,
  });
  t.deepEqual(await readdir(out), []);
});

test('an archive that unpacks to more than the data set, or not at all, is refused', async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, 'cifar-100-binary'));
  const data = join(folder, 'cifar-100-binary', 'train.bin');
  await writeFile(data, '');
  await truncate(data, 2 ** 28 + 1);
  // Not compressed: the entry would be whole.
  const large = join(folder, 'large.tar');
  await create({ file: large, cwd: folder }, ['cifar-100-binary']);
  const garbage = join(folder, 'garbage.tar');
  await writeFile(garbage, new Uint8Array(2048).fill(7));
  for (const [from, message] of [
    [large, /large\.tar unpacks to 268435457 bytes in cifar-100-binary\/, but at most 268435456/],
    [garbage, /garbage\.tar cannot be unpacked/],
  ] as const) {
    const md5 = createHash('md5')
      .update(await readFile(from))
      .digest('hex');
    const out = await temporaryFolder(t);
    await t.throwsAsync(downloadCifar('cifar100', out, { from, md5 }), { code: 'INVALID_DATA', message });
    t.deepEqual(await readdir(out), []);
  }
});
