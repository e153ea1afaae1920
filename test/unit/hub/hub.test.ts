import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { hubDataset } from '../../../src/hub/dataset.js';
import { hubLibrary } from '../../../src/hub/library.js';
import { hubModel } from '../../../src/models/hub-model.js';
import { readModel, writeModel } from '../../../src/onnx/model.js';
import { temporaryFolder } from '../data/sets.js';
import { cached, client, HEAD, hubOf, modelFile, network, other } from './client.js';
import { commit, type FakeFile, FakeHub, refuse, send, sha256 } from './fake-hub.js';

test('the only model of a repository comes into the cache, and the next time from there', async (t) => {
  const file = modelFile();
  const hub = await hubOf(t, { 'README.md': other, 'net.onnx': file });
  const { cache, options, notes } = await client(t, `${hub.endpoint}/`);
  const found = await hubModel('hf:owner/name', options);
  t.like(found, {
    file: 'net.onnx',
    commit: HEAD,
    repo: 'owner/name',
    name: `hf:owner/name@${HEAD}/net.onnx`,
  });
  t.is(found.path, join(cache, 'hub/models/owner/name/commits', HEAD, 'files/net.onnx'));
  t.deepEqual(await readFile(found.path), Buffer.from(file.bytes));
  t.deepEqual(await cached(cache), [found.path.slice(cache.length + 1)]);
  t.is(hub.takeSeen().at(-1), `/owner/name/resolve/${HEAD}/net.onnx`);
  t.deepEqual(await hubModel('hf:owner/name', options), found);
  t.deepEqual(hub.takeSeen(), ['/api/models/owner/name/revision/main'], 'only what main is');
  await hub.close();
  t.deepEqual(await hubModel(found.name, options), found);
  t.deepEqual(hub.takeSeen(), [], 'a commit asks nobody');
  t.deepEqual(notes, []);
});

test('of several models that of the convention is taken, or the one that is named', async (t) => {
  const files = {
    'onnx/model.onnx': modelFile(1),
    'onnx/model_int8.onnx': modelFile(2),
    'b c#1.onnx': modelFile(3),
  };
  const hub = await hubOf(t, files);
  const { options } = await client(t, hub.endpoint);
  t.is((await hubModel('hf:owner/name', options)).file, 'onnx/model.onnx');
  t.is((await hubModel('hf:owner/name/onnx', options)).file, 'onnx/model.onnx');
  t.is((await hubModel(`hf:owner/name@${HEAD}/onnx/model_int8.onnx`, options)).file, 'onnx/model_int8.onnx');
  const spaced = await hubModel('hf:owner/name/b c#1.onnx', options);
  t.deepEqual(await readFile(spaced.path), Buffer.from(files['b c#1.onnx'].bytes));
  await t.throwsAsync(hubModel('hf:owner/name/onnx/none.onnx', options), {
    code: 'NOT_FOUND',
    message:
      /no model onnx\/none\.onnx: its models are onnx\/model\.onnx, onnx\/model_int8\.onnx, b c#1\.onnx/,
  });
});

test('where several models could be meant, they are listed', async (t) => {
  const hub = await hubOf(t, { 'a.onnx': modelFile(1), 'b.onnx': modelFile(2) });
  const { options, cache } = await client(t, hub.endpoint);
  await t.throwsAsync(hubModel('hf:owner/name', options), {
    code: 'INVALID_ARGUMENT',
    message: /2 models: name one, as in hf:owner\/name\/a\.onnx\. They are a\.onnx, b\.onnx/,
  });
  t.deepEqual(await cached(cache), []);
});

test('a repository without a model says what it has', async (t) => {
  const hub = await hubOf(t, { 'README.md': other });
  const { options } = await client(t, hub.endpoint);
  await t.throwsAsync(hubModel('hf:owner/name', options), { code: 'NOT_FOUND', message: /README\.md/ });
});

test('external data come with the model that refers to them, and no others', async (t) => {
  const folder = await temporaryFolder(t);
  const whole = network(5);
  await writeModel(whole, join(folder, 'model.onnx'), { externalData: true });
  const [bytes, data] = await Promise.all(
    ['model.onnx', 'model.onnx.data'].map((name) => readFile(join(folder, name))),
  );
  const files = {
    'onnx/model.onnx': { bytes: bytes!, lfs: true },
    'onnx/model.onnx.data': { bytes: data!, lfs: true },
    'onnx/other.onnx_data': other,
  };
  const hub = await hubOf(t, files);
  const { options, cache } = await client(t, hub.endpoint);
  const { path } = await hubModel('hf:owner/name', options);
  t.is((await cached(cache)).length, 2);
  const values = ({ graph }: typeof whole) => graph.initializer.map(({ rawData }) => Buffer.from(rawData!));
  t.deepEqual(values(await readModel(path)), values(whole));

  const lacking = await hubOf(t, { 'onnx/model.onnx': { bytes: bytes! } });
  const second = await client(t, lacking.endpoint);
  await t.throwsAsync(hubModel('hf:owner/name', second.options), {
    code: 'INVALID_MODEL',
    message: /has data in "model\.onnx\.data", but the repository has no file onnx\/model\.onnx\.data/,
  });
});

test('large files come from another host, which does not get the token', async (t) => {
  const hub = await hubOf(t, { 'net.onnx': modelFile(0, true) });
  const { options } = await client(t, hub.endpoint, { HF_TOKEN: 'hf_secret' });
  const received: number[] = [];
  const totals = new Set<number>();
  await hubModel('hf:owner/name', {
    ...options,
    onProgress: ({ receivedBytes, totalBytes }) => {
      received.push(receivedBytes);
      totals.add(totalBytes);
    },
  });
  const size = modelFile().bytes.length;
  t.is(received.at(-1), size);
  t.deepEqual([...totals], [size]);
  const tokens = hub.seen.map(({ host, headers }) => [host, headers.authorization]);
  t.deepEqual(tokens, [
    ['hub', 'Bearer hf_secret'],
    ['hub', 'Bearer hf_secret'],
    ['hub', 'Bearer hf_secret'],
    ['storage', undefined],
  ]);
});

for (const lfs of [false, true]) {
  test(`a wrong checksum leaves nothing, ${lfs ? 'SHA-256' : 'git SHA-1'}`, async (t) => {
    const hub = await hubOf(t, { 'net.onnx': modelFile(0, lfs) });
    const { options, cache } = await client(t, hub.endpoint);
    hub.fault = ({ host, path }, response, file) => {
      if (path.startsWith('/api/') || (lfs && host === 'hub')) return false;
      send(response, Buffer.from(file!).fill(7, 10, 11));
      return true;
    };
    await t.throwsAsync(hubModel('hf:owner/name', options), {
      code: 'NETWORK',
      message: lfs ? /net\.onnx of owner\/name .* SHA-256 [0-9a-f]{64}, but/ : /git SHA-1 [0-9a-f]{40}, but/,
    });
    t.deepEqual(await cached(cache), []);
    hub.fault = undefined;
    await t.notThrowsAsync(hubModel('hf:owner/name', options));
  });
}

/** Sends some bytes of a file, then cuts the connection. */
const cutAfter = (count: number) => (hub: FakeHub) => {
  hub.fault = ({ path }, response, file) => {
    if (path.startsWith('/api/')) return false;
    response.writeHead(200, { 'content-length': file!.length });
    response.write(file!.subarray(0, count), () => setTimeout(() => response.destroy(), 50));
    return true;
  };
};

test('a body that is cut is told, and the next download goes on there', async (t) => {
  const { bytes } = modelFile();
  const hub = await hubOf(t, { 'net.onnx': { bytes } });
  const { options, cache } = await client(t, hub.endpoint);
  cutAfter(100)(hub);
  await t.throwsAsync(hubModel('hf:owner/name', options), {
    code: 'NETWORK',
    message: new RegExp(`ended after 100 of ${bytes.length} bytes`),
  });
  t.is((await cached(cache)).filter((path) => path.endsWith('.onnx')).length, 0);
  hub.fault = undefined;
  const { path } = await hubModel('hf:owner/name', options);
  t.is(hub.seen.at(-1)!.headers.range, `bytes=100-${bytes.length - 1}`);
  t.deepEqual(await readFile(path), Buffer.from(bytes));
  t.deepEqual(await cached(cache), [path.slice(cache.length + 1)]);
});

test('a server that does not go on gives the whole file anew', async (t) => {
  const { bytes } = modelFile();
  const hub = await hubOf(t, { 'net.onnx': { bytes } });
  const { options } = await client(t, hub.endpoint);
  cutAfter(100)(hub);
  await t.throwsAsync(hubModel('hf:owner/name', options), { code: 'NETWORK' });
  hub.fault = ({ path }, response, file) => {
    if (path.startsWith('/api/')) return false;
    send(response, file!);
    return true;
  };
  const { path } = await hubModel('hf:owner/name', options);
  t.deepEqual(await readFile(path), Buffer.from(bytes));
});

test('a part that a killed process left is taken over, that of a running one is not', async (t) => {
  const { bytes } = modelFile(0);
  const hub = await hubOf(t, { 'net.onnx': { bytes, lfs: true } });
  const { options, cache } = await client(t, hub.endpoint);
  const partial = join(cache, 'hub/models/owner/name/partial');
  await mkdir(partial, { recursive: true });
  // No process has this number.
  await writeFile(join(partial, `${sha256(bytes)}.${2 ** 30}-0.part`), bytes.slice(0, 50));
  const held = `${sha256(bytes)}.${process.pid}-999.part`;
  await writeFile(join(partial, held), bytes.slice(0, 70));
  const { path } = await hubModel('hf:owner/name', options);
  t.is(hub.seen.at(-1)!.headers.range, `bytes=50-${bytes.length - 1}`);
  t.deepEqual(await readFile(path), Buffer.from(bytes));
  t.deepEqual(await readdir(partial), [held]);
});

test('a body longer than announced is not taken', async (t) => {
  const { bytes } = modelFile();
  const hub = await hubOf(t, { 'net.onnx': { bytes } });
  const { options, cache } = await client(t, hub.endpoint);
  let chunked = false;
  hub.fault = ({ path }, response, file) => {
    if (path.startsWith('/api/')) return false;
    const long = Buffer.concat([file!, Buffer.alloc(10)]);
    if (chunked) response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(long);
    else send(response, long);
    return true;
  };
  await t.throwsAsync(hubModel('hf:owner/name', options), {
    code: 'NETWORK',
    message: /the server announces/,
  });
  chunked = true;
  await t.throwsAsync(hubModel('hf:owner/name', options), {
    code: 'NETWORK',
    message: new RegExp(`more than the ${bytes.length} bytes`),
  });
  t.deepEqual(await cached(cache), []);
});

test('a download can be stopped, and goes on later', async (t) => {
  const { bytes } = modelFile();
  const hub = await hubOf(t, { 'net.onnx': { bytes } });
  const { options, cache } = await client(t, hub.endpoint);
  hub.fault = ({ path }, response, file) => {
    if (path.startsWith('/api/')) return false;
    response.writeHead(200, { 'content-length': file!.length }).write(file!.subarray(0, 200));
    return true;
  };
  const controller = new AbortController();
  const onProgress = () => controller.abort();
  await t.throwsAsync(hubModel('hf:owner/name', { ...options, signal: controller.signal, onProgress }), {
    code: 'INTERRUPTED',
  });
  t.deepEqual((await cached(cache)).map(dirname), ['hub/models/owner/name/partial']);
  await t.throwsAsync(hubModel('hf:owner/name', { ...options, signal: AbortSignal.abort() }), {
    code: 'INTERRUPTED',
  });
  hub.fault = undefined;
  t.deepEqual(await readFile((await hubModel('hf:owner/name', options)).path), Buffer.from(bytes));
});

test('two downloads of one file at a time both end well', async (t) => {
  const hub = await hubOf(t, { 'net.onnx': modelFile(0, true) });
  const { options, cache } = await client(t, hub.endpoint);
  const found = await Promise.all([1, 2, 3].map(() => hubModel('hf:owner/name', options)));
  t.is(new Set(found.map(({ path }) => path)).size, 1);
  t.is((await cached(cache)).length, 1);
});

test('without a network the cache serves, with a note; where it has nothing that is said', async (t) => {
  const hub = await hubOf(t, { 'net.onnx': modelFile() });
  const { options, notes } = await client(t, hub.endpoint);
  const found = await hubModel('hf:owner/name', options);
  await hub.close();
  t.deepEqual(await hubModel('hf:owner/name', options), found);
  t.is(notes.length, 1);
  t.regex(notes[0]!, new RegExp(`(ECONNREFUSED|closed).* as it was last: commit ${HEAD}`));
  await t.throwsAsync(hubModel('hf:owner/name@v2', options), {
    code: 'NETWORK',
    message: /ECONNREFUSED.*The cache has no owner\/name@v2 either/,
  });
  await t.throwsAsync(hubModel(`hf:owner/name@${commit('b')}`, options), {
    code: 'NETWORK',
    message: /The cache has no owner\/name@b{40} either/,
  });
});

test('HF_HUB_OFFLINE asks nobody', async (t) => {
  const hub = await hubOf(t, { 'a.onnx': modelFile(1), 'b.onnx': modelFile(2) });
  const { options, notes } = await client(t, hub.endpoint);
  const found = await hubModel('hf:owner/name/a.onnx', options);
  hub.takeSeen();
  const offline = { ...options, env: { ...options.env, HF_HUB_OFFLINE: '1' } };
  t.deepEqual(await hubModel('hf:owner/name/a.onnx', offline), found);
  t.regex(notes[0]!, /HF_HUB_OFFLINE is set/);
  for (const name of ['hf:owner/name/b.onnx', 'hf:owner/other', `hf:owner/name@${commit('c')}`])
    await t.throwsAsync(hubModel(name, offline), { code: 'NETWORK', message: /HF_HUB_OFFLINE is set/ });
  t.deepEqual(hub.takeSeen(), []);
});

test('a file in the cache that lost its end is fetched again', async (t) => {
  const { bytes } = modelFile();
  const hub = await hubOf(t, { 'net.onnx': { bytes } });
  const { options } = await client(t, hub.endpoint);
  const { path, name } = await hubModel('hf:owner/name', options);
  await writeFile(path, bytes.slice(0, 20));
  await hubModel(name, options);
  t.deepEqual(await readFile(path), Buffer.from(bytes));
});

const refusals: readonly (readonly [string, string, string, RegExp, number, string?, string?])[] = [
  [
    '401',
    'hf:owner/name',
    'NETWORK',
    /refused the model owner\/name \(401\): .* set HF_TOKEN/,
    401,
    'RepoNotFound',
  ],
  [
    'a gated one',
    'hf:owner/name',
    'NETWORK',
    /\(403\): it is gated\. Ask for access at http.*\/owner\/name/,
    403,
    'GatedRepo',
  ],
  ['429', 'hf:owner/name', 'NETWORK', /too many requests.* in 30 seconds, or set HF_TOKEN/, 429],
  ['500', 'hf:owner/name', 'NETWORK', /the server answered 500/, 500],
];
for (const [what, name, code, message, status, header] of refusals) {
  for (const where of ['/api/', '/resolve/']) {
    test(`${what} at ${where} is one clear error`, async (t) => {
      const hub = await hubOf(t, { 'net.onnx': modelFile() });
      const { options, cache } = await client(t, hub.endpoint);
      hub.fault = ({ path }, response) => {
        if (!path.includes(where)) return false;
        refuse(response.setHeader('retry-after', '30'), status, header);
        return true;
      };
      const expected =
        where === '/api/' ? message : new RegExp(message.source.replace('the model', '.*the model'));
      await t.throwsAsync(hubModel(name, options), { code, message: expected });
      t.deepEqual(await cached(cache), []);
    });
  }
}

test('what is not there is said', async (t) => {
  const hub = await hubOf(t, { 'net.onnx': modelFile() });
  const { options } = await client(t, hub.endpoint);
  await t.throwsAsync(hubModel('hf:owner/none', options), {
    code: 'NOT_FOUND',
    message: /no model owner\/none at http/,
  });
  await t.throwsAsync(hubModel('hf:owner/name@v9', options), {
    code: 'NOT_FOUND',
    message: /no revision "v9" of the model owner\/name/,
  });
  await t.throwsAsync(hubModel(`hf:owner/name@${commit('d')}`, options), {
    code: 'NOT_FOUND',
    message: /no revision/,
  });
  await t.throwsAsync(hubDataset('hf:owner/name', options), {
    code: 'NOT_FOUND',
    message: /no data set owner\/name/,
  });
});

test('an answer that is none of the hub’s is told', async (t) => {
  const hub = await hubOf(t, { 'net.onnx': modelFile() });
  const { options } = await client(t, hub.endpoint);
  for (const page of ['<html>Log in to this network</html>', '{}', '[]', 'null']) {
    hub.fault = (_, response) => {
      response.setHeader('content-type', 'text/html').end(page);
      return true;
    };
    await t.throwsAsync(hubModel('hf:owner/name', options), { code: 'NETWORK' }, page);
    await t.throwsAsync(hubModel(`hf:owner/name@${HEAD}`, options), undefined, page);
  }
});

test('a list without digests or with a commit that is none is refused', async (t) => {
  const hub = await hubOf(t, { 'net.onnx': modelFile() });
  const { options } = await client(t, hub.endpoint);
  hub.fault = ({ path }, response) => {
    if (!path.includes('/tree/')) return false;
    response.end(JSON.stringify([{ type: 'file', path: 'net.onnx', size: 3, oid: '../x' }]));
    return true;
  };
  await t.throwsAsync(hubModel('hf:owner/name', options), {
    code: 'NETWORK',
    message: /without a path, a size or a digest/,
  });
  hub.fault = ({ path }, response) => {
    if (!path.includes('/revision/')) return false;
    response.end(JSON.stringify({ id: 'owner/name', sha: '../../x', lastModified: '2026-01-01' }));
    return true;
  };
  await t.throwsAsync(hubModel('hf:owner/name', options), {
    code: 'NETWORK',
    message: /did not say which commit/,
  });
});

for (const path of ['../x.onnx', '/x.onnx', 'a/../../x.onnx', 'a\\..\\x.onnx', 'C:/x.onnx', 'a//x.onnx']) {
  test(`a file named ${path} is not fetched`, async (t) => {
    const hub = await FakeHub.open(t, {
      'models/owner/name': { commits: { [HEAD]: { [path]: modelFile() } }, refs: { main: HEAD } },
      'datasets/owner/name': {
        commits: { [HEAD]: { 'ok.txt': other, [path]: other } },
        refs: { main: HEAD },
      },
    });
    const { options, cache } = await client(t, hub.endpoint);
    const outside = { code: 'INVALID_DATA', message: /would lie outside its folder/ };
    await t.throwsAsync(hubModel('hf:owner/name', options), outside);
    await t.throwsAsync(hubDataset('hf:owner/name', options), outside);
    t.deepEqual(await cached(cache), []);
  });
}

test('nothing is written through a link in the cache', async (t) => {
  const hub = await hubOf(t, { 'onnx/net.onnx': modelFile() });
  const { options, cache } = await client(t, hub.endpoint);
  const elsewhere = await temporaryFolder(t);
  const files = join(cache, 'hub/models/owner/name/commits', HEAD, 'files');
  await mkdir(files, { recursive: true });
  await symlink(elsewhere, join(files, 'onnx'));
  await t.throwsAsync(hubModel('hf:owner/name', options), {
    code: 'INVALID_DATA',
    message: /files\/onnx in the cache is a link/,
  });
  t.deepEqual(await readdir(elsewhere), []);
});

test('a link in the place of a file is replaced, not followed', async (t) => {
  const { bytes } = modelFile();
  const hub = await hubOf(t, { 'net.onnx': { bytes } });
  const { options, cache } = await client(t, hub.endpoint);
  const elsewhere = join(await temporaryFolder(t), 'file');
  await writeFile(elsewhere, Buffer.alloc(bytes.length));
  const files = join(cache, 'hub/models/owner/name/commits', HEAD, 'files');
  await mkdir(files, { recursive: true });
  await symlink(elsewhere, join(files, 'net.onnx'));
  const { path } = await hubModel('hf:owner/name', options);
  t.deepEqual(await readFile(path), Buffer.from(bytes));
  t.deepEqual(await readFile(elsewhere), Buffer.alloc(bytes.length));
});

test('the files of a data set that fit patterns come into one folder', async (t) => {
  const file = (text: string, lfs = false): FakeFile => ({ bytes: Buffer.from(text), lfs });
  const files = {
    'README.md': other,
    'data/train-0.parquet': file('zero', true),
    'data/train-1.parquet': file('one'),
    'data/test.parquet': file('test', true),
    'data/empty.txt': file(''),
  };
  const [main, converted] = [commit('1'), commit('2')];
  const hub = await FakeHub.open(t, {
    'datasets/owner/set': {
      commits: { [main]: files, [converted]: { 'default/0.parquet': file('converted') } },
      refs: { main, 'refs/convert/parquet': converted },
    },
  });
  const { options, cache } = await client(t, hub.endpoint);
  const found = await hubDataset('hf:owner/set', { ...options, patterns: ['train*.parquet', '*.txt'] });
  t.deepEqual(found, {
    folder: join(cache, 'hub/datasets/owner/set/commits', main, 'files'),
    files: ['data/empty.txt', 'data/train-0.parquet', 'data/train-1.parquet'],
    commit: main,
    name: `hf:owner/set@${main}`,
  });
  t.is((await cached(cache)).length, 3);
  t.is(await readFile(join(found.folder, 'data/train-0.parquet'), 'utf8'), 'zero');
  const below = await hubDataset('hf:owner/set/data', { ...options, patterns: ['te*'] });
  t.deepEqual([below.folder, below.files], [join(found.folder, 'data'), ['test.parquet']]);
  const inParquet = await hubDataset('hf:owner/set@refs/convert/parquet', options);
  t.deepEqual([inParquet.commit, inParquet.files], [converted, ['default/0.parquet']]);
  await t.throwsAsync(hubDataset('hf:owner/set', { ...options, patterns: ['*.csv'] }), {
    code: 'NOT_FOUND',
    message: /no file that fits \*\.csv: its files are README\.md, data\/train-0\.parquet/,
  });
});

test('what the environment says is checked', async (t) => {
  const { options } = await client(t, 'ftp://host');
  await t.throwsAsync(hubModel('hf:owner/name', options), {
    code: 'INVALID_ARGUMENT',
    message: /HF_ENDPOINT/,
  });
  const second = await client(t, 'http://127.0.0.1:1', { HF_TOKEN: 'secret' });
  const error = await t.throwsAsync(hubModel('hf:owner/name', second.options), {
    code: 'INVALID_ARGUMENT',
    message: /HF_TOKEN/,
  });
  t.false(error!.message.includes('secret'));
});

test('where the package is not installed, the command that installs it is named', async (t) => {
  const missing = () => import('@huggingface/not-there' as string);
  await t.throwsAsync(hubLibrary(missing), {
    code: 'NOT_FOUND',
    message: /npm install @huggingface\/hub@\d+\.\d+\.\d+$/,
  });
});
