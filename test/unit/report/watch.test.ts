import { request } from 'node:http';
import test from 'ava';
import { serveReport } from '../../../src/report/watch.js';
import { config, makeFolder, metrics } from './folders.js';

const serve = async (t: { teardown(fn: () => Promise<void>): void }, dir: string) => {
  const server = await serveReport(dir, { version: '1.2.3', every: 20 });
  t.teardown(() => server.close());
  return server;
};

test('the page follows the run: an event for each change, and none without', async (t) => {
  const folder = makeFolder(t);
  const { url } = await serve(t, folder.dir);
  t.regex(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  const empty = await (await fetch(url)).text();
  t.regex(empty, /Nothing to show yet/);

  const [, digest] = /<main data-digest="(\w+)">/.exec(empty)!;
  const events = (await fetch(`${url}events?${digest}`)).body!.getReader();
  const next = async () => new TextDecoder().decode((await events.read()).value);
  t.regex(await next(), /^: open/);
  folder.write('config.json', config('sam'));
  t.regex(await next(), /^data: /);
  t.regex(await (await fetch(url)).text(), /There are no metrics yet/);

  const silence = Symbol();
  const pending = next();
  const timeout = new Promise((resolve) => setTimeout(() => resolve(silence), 200));
  t.is(await Promise.race([pending, timeout]), silence);
  folder.write('metrics.jsonl', metrics(2));
  t.regex(await pending, /^data: /);
  const page = await (await fetch(url)).text();
  t.regex(page, /Test accuracy/);
  t.regex(page, /connect-src &#39;self&#39;/);
  await events.cancel();
});

test('a page that shows something old is told so at once, whoever else has seen the new', async (t) => {
  const folder = makeFolder(t);
  const { url } = await serve(t, folder.dir);
  const [, old] = /data-digest="(\w+)"/.exec(await (await fetch(url)).text())!;
  folder.write('config.json', config('sam'));
  await (await fetch(url)).text();
  const events = (await fetch(`${url}events?${old}`)).body!.getReader();
  await events.read();
  t.regex(new TextDecoder().decode((await events.read()).value), /^data: /);
  await events.cancel();
});

test('closing ends open pages and frees the port', async (t) => {
  const folder = makeFolder(t);
  const server = await serveReport(folder.dir, { version: '1.2.3', every: 20 });
  const events = (await fetch(`${server.url}events`)).body!.getReader();
  await events.read();
  await server.close();
  const ended = await events.read().then(
    ({ done }) => done,
    () => true,
  );
  t.true(ended);
  await t.throwsAsync(fetch(server.url));
});

test('only its own address and paths are answered', async (t) => {
  const folder = makeFolder(t);
  folder.write('config.json', config('sam'));
  const { url } = await serve(t, folder.dir);
  const status = (options: { method?: string; path?: string; host?: string }) =>
    new Promise<number>((resolve, reject) => {
      const { port } = new URL(url);
      const { method = 'GET', path = '/', host } = options;
      const headers = host === undefined ? {} : { host };
      request({ host: '127.0.0.1', port, method, path, headers }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      })
        .on('error', reject)
        .end();
    });
  t.is(await status({}), 200);
  t.is(await status({ path: '/config.json' }), 404);
  t.is(await status({ path: '/../../etc/passwd' }), 404);
  t.is(await status({ method: 'POST' }), 405);
  t.is(await status({ host: 'attacker.example' }), 403);
  const { headers } = await fetch(url);
  t.is(headers.get('x-content-type-options'), 'nosniff');
  t.is(headers.get('x-frame-options'), 'DENY');
  t.is(headers.get('referrer-policy'), 'no-referrer');
});
