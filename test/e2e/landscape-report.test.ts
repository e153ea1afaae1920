import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { LandscapeFile } from '../../src/formats/landscape-file.js';
import { runCli, startCli, temporaryFolder } from './run-cli.js';

const TRAIN = ['train', '--data', 'digits', '--model', 'mlp-8', '--epochs', '2', '--batch', '64', '--quiet'];

const read = (path: string): LandscapeFile => JSON.parse(readFileSync(path, 'utf8'));

test('two runs have their landscapes drawn, around one and between both, and a report', async (t) => {
  const out = temporaryFolder(t);
  const trained = await runCli(...TRAIN, '--compare', 'sgd,sam', '--out', out);
  t.is(trained.code, 0, trained.stderr);
  const [sgd, sam] = [join(out, 'sgd'), join(out, 'sam')];
  const model = readFileSync(join(sam, 'model.onnx'));
  const common = ['--samples', '200', '--points', '5', '--quiet'];

  for (const options of [[], ['--dims', '2'], ['--to', sgd], ['--to', sgd, '--dims', '2']]) {
    const { code, stderr } = await runCli('landscape', sam, ...options, ...common);
    t.is(code, 0, stderr);
  }
  t.deepEqual(readFileSync(join(sam, 'model.onnx')), model);
  for (const name of ['landscape-1d', 'landscape-2d', 'landscape-1d-to-sgd', 'landscape-2d-to-sgd']) {
    for (const kind of ['csv', 'svg', 'png'])
      t.true(existsSync(join(sam, `${name}.${kind}`)), `${name}.${kind}`);
  }

  const around = read(join(sam, 'landscape-1d.json'));
  t.deepEqual(around.axes, [[-1, -0.5, 0, 0.5, 1]]);
  t.deepEqual(
    around.curves!.map(({ direction, losses }) => [direction, losses[2]]),
    [
      ['random', around.center],
      ['gradient', around.center],
    ],
  );
  const surface = read(join(sam, 'landscape-2d.json'));
  t.is(surface.losses![2]![2], surface.center);
  t.is(surface.center, around.center);
  t.deepEqual(
    surface.losses![2],
    around.curves![0]!.losses,
    'the first random direction is the same in both',
  );

  const [there, back] = [
    read(join(sam, 'landscape-1d-to-sgd.json')),
    read(join(sam, 'landscape-2d-to-sgd.json')),
  ];
  const reverse = await runCli('landscape', sgd, '--to', sam, ...common);
  t.is(reverse.code, 0, reverse.stderr);
  const other = read(join(sgd, 'landscape-1d-to-sam.json'));
  const at = (file: LandscapeFile, a: number) => file.curves![0]!.losses[file.axes[0]!.indexOf(a)]!;
  t.true(Math.abs(at(there, 1) - at(other, 0)) < 1e-5, 'the end of the line is the other run');
  t.is(at(other, 0), other.center);
  t.is(back.losses![back.axes[1]!.indexOf(0)]![back.axes[0]!.indexOf(0)], back.center);

  const report = await runCli('report', out);
  t.is(report.code, 0, report.stderr);
  const page = readFileSync(join(out, 'report.html'), 'utf8');
  t.is(page.match(/<figcaption>sam: loss/g)!.length, 4);
  t.true(page.includes('execution.cpu'));
});

test('bad input to landscape and report is one line', async (t) => {
  const out = temporaryFolder(t);
  const lines: [string[], RegExp][] = [
    [['landscape', join(out, 'none')], /^flatmin: .*none has no run/],
    [['landscape', out, '--dims', '3'], /^flatmin: Expected dims to be 1 or 2, but received 3/],
    [['landscape', out, '--points', '1'], /^flatmin: Expected points to be an integer from 3 to 10000/],
    [['landscape', out, '--span', '0'], /^flatmin: Expected span to be a positive number/],
    [['report', out], /^flatmin: .*holds no run, comparison or experiment/],
  ];
  for (const [args, expected] of lines) {
    const { code, stderr } = await runCli(...args);
    t.is(code, 1);
    t.regex(stderr, expected);
    t.is(stderr.trim().split('\n').length, 1, stderr);
  }
});

test('report --watch serves the page until Ctrl-C', async (t) => {
  const out = temporaryFolder(t);
  const { child, result } = startCli(['report', out, '--watch']);
  const [chunk] = await once(child.stderr!, 'data');
  const [url] = /http:\/\/127\.0\.0\.1:\d+\//.exec(String(chunk))!;
  t.is((await fetch(url)).status, 200);
  const events = await fetch(`${url}events`);
  child.kill('SIGINT');
  const { code, signal } = await result;
  t.deepEqual([code, signal], [0, null]);
  await events.body!.cancel().catch(() => {});
});
