import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { hubDataset } from '../../../src/hub/dataset.js';
import { hubModel } from '../../../src/models/hub-model.js';
import { cached, client, HEAD, hubOf, modelFile, other } from './client.js';
import { FakeHub, type Fault, send } from './fake-hub.js';

// What a server, or what stands between, may send in place of a file; and what may become of the cache.

/** Of the file alone: lists are answered. */
const ofFile =
  (fault: Fault): Fault =>
  (seen, ...rest) =>
    !seen.path.startsWith('/api/') && fault(seen, ...rest);

test('a page in place of a file, without a length, is no beginning of it', async (t) => {
  const { bytes } = modelFile();
  const hub = await hubOf(t, { 'net.onnx': { bytes } });
  const { options, cache } = await client(t, hub.endpoint);
  hub.fault = ofFile((_, response) => {
    response
      .writeHead(200, { 'content-type': 'text/html', 'transfer-encoding': 'chunked' })
      .end('<html>Log in</html>');
    return true;
  });
  await t.throwsAsync(hubModel('hf:owner/name', options), {
    code: 'NETWORK',
    message: /net\.onnx of owner\/name ended after 19 of \d+ bytes: the server sent something else/,
  });
  t.deepEqual(await cached(cache), []);
  hub.fault = undefined;
  t.deepEqual(await readFile((await hubModel('hf:owner/name', options)).path), Buffer.from(bytes));
});

test('a page in place of a file, with its length, is not taken', async (t) => {
  const hub = await hubOf(t, { 'net.onnx': modelFile() });
  const { options, cache } = await client(t, hub.endpoint);
  hub.fault = ofFile((_, response) => {
    send(response.setHeader('content-type', 'text/html'), Buffer.from('<html>Log in</html>'));
    return true;
  });
  await t.throwsAsync(hubModel('hf:owner/name', options), {
    code: 'NETWORK',
    message: /by the repository's list, but the server announces 19/,
  });
  t.deepEqual(await cached(cache), []);
});

for (const where of ['/api/', '/resolve/'])
  test(`a circle of redirections at ${where} ends`, async (t) => {
    const hub = await hubOf(t, { 'net.onnx': modelFile() });
    const { options, cache } = await client(t, hub.endpoint);
    hub.fault = ({ path }, response) => {
      if (!path.includes(where)) return false;
      response.writeHead(302, { location: path }).end();
      return true;
    };
    await t.throwsAsync(hubModel('hf:owner/name', options), {
      code: 'NETWORK',
      message: /Could not get .*the model owner\/name from http.*: redirect count exceeded/,
    });
    t.true(hub.seen.length < 50);
    t.deepEqual(await cached(cache), []);
  });

test('a server that cannot go on where a file ended gives it whole', async (t) => {
  const { bytes } = modelFile();
  const hub = await hubOf(t, { 'net.onnx': { bytes } });
  const { options } = await client(t, hub.endpoint);
  hub.fault = ofFile((_, response, file) => {
    response.writeHead(200, { 'content-length': file!.length }).write(file!.subarray(0, 100));
    setTimeout(() => response.destroy(), 20);
    return true;
  });
  await t.throwsAsync(hubModel('hf:owner/name', options), { message: /ended after 100 of/ });
  hub.fault = ofFile(({ headers }, response) => {
    if (headers.range) response.writeHead(416).end();
    return headers.range !== undefined;
  });
  t.deepEqual(await readFile((await hubModel('hf:owner/name', options)).path), Buffer.from(bytes));
});

test('a list that is cut is as no answer', async (t) => {
  const hub = await hubOf(t, { 'net.onnx': modelFile() });
  const { options, notes } = await client(t, hub.endpoint);
  const cut =
    (part: string): Fault =>
    ({ path }, response) => {
      if (!path.includes(part)) return false;
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 500 }).write('[{"ty');
      setTimeout(() => response.destroy(), 20);
      return true;
    };
  hub.fault = cut('/tree/');
  await t.throwsAsync(hubModel('hf:owner/name', options), {
    code: 'NETWORK',
    message:
      /Could not get what http.* says of the model owner\/name: (terminated|other side closed)\..*cache has no/,
  });
  hub.fault = undefined;
  const found = await hubModel('hf:owner/name', options);
  hub.fault = cut('/revision/');
  t.deepEqual(await hubModel('hf:owner/name', options), found);
  t.regex(notes.join('\n'), /(terminated|other side closed)\. The cache has owner\/name@main as it was last/);
});

test('an answer that does not end is not read to its end', async (t) => {
  const hub = await hubOf(t, { 'net.onnx': modelFile() });
  const { options } = await client(t, hub.endpoint);
  const spaces = Buffer.alloc(2 ** 20, ' ');
  hub.fault = ({ path }, response) => {
    if (!path.includes('/tree/')) return false;
    const more = () => {
      while (!response.destroyed && response.write(spaces));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
    return true;
  };
  await t.throwsAsync(hubModel('hf:owner/name', options), {
    code: 'NETWORK',
    message: /on the model owner\/name has more than 64 MiB/,
  });
});

test('a list of empty pages ends', async (t) => {
  const hub = await hubOf(t, { 'net.onnx': modelFile() });
  const { options } = await client(t, hub.endpoint);
  let page = 0;
  hub.fault = ({ path }, response) => {
    if (!path.includes('/tree/')) return false;
    const next = `<${hub.endpoint}${path}?cursor=${page++}>; rel="next"`;
    response.writeHead(200, { 'content-type': 'application/json', link: next }).end('[]');
    return true;
  };
  await t.throwsAsync(hubModel('hf:owner/name', options), {
    code: 'NETWORK',
    message: /list of files of owner\/name goes on after 2000 pages/,
  });
});

test('a list of more files than any repository has is refused', async (t) => {
  const hub = await hubOf(t, { 'net.onnx': modelFile() });
  const { options } = await client(t, hub.endpoint);
  const entry = { type: 'file', path: 'a', oid: '0'.repeat(40), size: 1 };
  const page = JSON.stringify(Array.from({ length: 100_000 }, () => entry));
  hub.fault = ({ path }, response) => {
    if (!path.includes('/tree/')) return false;
    const next = `<${hub.endpoint}${path}?cursor=1>; rel="next"`;
    response.writeHead(200, { 'content-type': 'application/json', link: next }).end(page);
    return true;
  };
  await t.throwsAsync(hubModel('hf:owner/name', options), {
    code: 'NETWORK',
    message: /owner\/name has more than 200000 files/,
  });
});

for (const path of ['a\x1b[2Jx.onnx', 'a\nx.onnx', 'a\x7fx.onnx', 'a\x9bx.onnx'])
  test(`a file named ${JSON.stringify(path)} is not fetched`, async (t) => {
    const of = { commits: { [HEAD]: { [path]: other } }, refs: { main: HEAD } };
    const hub = await FakeHub.open(t, { 'models/owner/name': of, 'datasets/owner/name': of });
    const { options, cache } = await client(t, hub.endpoint);
    const refused = { code: 'INVALID_DATA', message: /or has control characters: it is not fetched/ };
    await t.throwsAsync(hubModel('hf:owner/name', options), refused);
    await t.throwsAsync(hubDataset('hf:owner/name', options), refused);
    t.deepEqual(await cached(cache), []);
  });

test('a name that is too long for the file system is one clear error', async (t) => {
  const path = `${'a'.repeat(300)}.onnx`;
  const hub = await hubOf(t, { [path]: modelFile() });
  const { options, cache } = await client(t, hub.endpoint);
  await t.throwsAsync(hubModel('hf:owner/name', options), {
    code: 'INVALID_DATA',
    message: /a{300}\.onnx.*longer than/,
  });
  t.deepEqual(await cached(cache), []);
});

for (const lfs of [false, true])
  test(`a bit that flipped in the cache is noticed, ${lfs ? 'SHA-256' : 'git SHA-1'}`, async (t) => {
    const { bytes } = modelFile();
    const hub = await hubOf(t, { 'net.onnx': { bytes, lfs } });
    const { options, notes } = await client(t, hub.endpoint);
    const { path, name } = await hubModel('hf:owner/name', options);
    const damaged = Buffer.from(bytes);
    damaged[damaged.length - 100]! ^= 4;
    await writeFile(path, damaged);
    const offline = { ...options, env: { ...options.env, HF_HUB_OFFLINE: '1' } };
    await t.throwsAsync(hubModel(name, offline), {
      code: 'NETWORK',
      message: /net\.onnx in the cache is not as it was fetched.*not fetched, since HF_HUB_OFFLINE/,
    });
    t.deepEqual(await hubModel(name, options), { ...(await hubModel(name, options)), path });
    t.deepEqual(await readFile(path), Buffer.from(bytes));
    t.is(notes.length, 1);
    t.regex(notes[0]!, /net\.onnx in the cache is not as it was fetched.*It is fetched again/);
  });

test('a list in the cache that was damaged is asked for again', async (t) => {
  const hub = await hubOf(t, { 'net.onnx': modelFile(0, true) });
  const { options, cache } = await client(t, hub.endpoint);
  const { name, path } = await hubModel('hf:owner/name', options);
  const listing = join(cache, 'hub/models/owner/name/commits', HEAD, 'listing.json');
  const text = await readFile(listing, 'utf8');
  const digit = /"hex": "(.)/.exec(text)![1]!;
  await writeFile(listing, text.replace(`"hex": "${digit}`, `"hex": "${digit === '0' ? '1' : '0'}`));
  hub.takeSeen();
  t.is((await hubModel(name, options)).path, path);
  t.true(hub.takeSeen().some((each) => each.includes('/tree/')));
  t.is(await readFile(listing, 'utf8'), text);
});
