import { Resvg } from '@resvg/resvg-js';
import test from 'ava';
import { makeReport } from '../../../src/report/report.js';
import {
  config,
  curves,
  evaluation,
  failure,
  makeFolder,
  metrics,
  results,
  sharpness,
  summary,
  surface,
  writeRun,
} from './folders.js';

const version = '1.2.3';
const figures = (page: string): string[] =>
  [...page.matchAll(/<figcaption>([^<]*)/g)].map(([, title]) => title!);

const VOID = new Set(['meta', 'br', 'hr', 'img', 'input', 'link']);

/** The first tag that is not closed in its order; undefined in well-formed HTML. */
function misnested(page: string): string | undefined {
  const open: string[] = [];
  const markup = page.replace(/<(style|script)>[\s\S]*?<\/\1>/g, '').replace(/<!doctype html>/i, '');
  for (const [, close, name, rest] of markup.matchAll(/<(\/?)([a-z][\w]*)((?:"[^"]*"|[^">])*)>/gi)) {
    if (close) {
      if (open.pop() !== name) return `</${name}>`;
    } else if (!VOID.has(name!) && !rest!.endsWith('/')) open.push(name!);
  }
  return open.at(-1);
}

/** What a browser would ask for. */
function requests(page: string): string[] {
  const markup = page.replace(/<script>[\s\S]*?<\/script>/g, '');
  return [
    ...(markup.match(/\b(?:src|href|srcset|action|data|poster)\s*=\s*["'](?!#)[^"']*/gi) ?? []),
    ...(markup.match(/url\((?!#|'#|"#|&quot;#)[^)]*|@import[^;]*/gi) ?? []),
    ...(page.match(/https?:\/\/[^\s"'<]*/g) ?? []),
  ];
}

test('the report of a run has its curves, sharpness, landscape, figures and settings', async (t) => {
  const folder = makeFolder(t);
  writeRun(folder);
  const page = await makeReport(folder.dir, { version });
  t.deepEqual(figures(page), [
    'Loss',
    'Test accuracy',
    'Test: expected calibration error',
    'Generalization gap during training',
    'Learning rate',
    'Radius ρ',
    'Confusion matrix',
    'Rise of the loss by measure',
    'Largest Hessian eigenvalues',
    'Density of the Hessian’s eigenvalues',
    'Loss along directions',
    'Loss surface',
  ]);
  for (const text of [
    '91.23',
    '3.21',
    'lower is better',
    '81.82',
    '0.004200',
    'execution.node',
    'v20.0.0',
    'flatmin 1.2.3',
  ])
    t.true(page.includes(text), text);
  t.false(page.includes('class="note"'), 'a note where nothing is missing');
});

test('of a run of numbers there is no accuracy, but its own metrics', async (t) => {
  const folder = makeFolder(t);
  writeRun(folder);
  const ofValues = { accuracy: null, trainAccuracy: null, metric: 'r2', metrics: { mae: 0.25, r2: 0.875 } };
  folder.write('summary.json', { ...summary, ...ofValues });
  const page = await makeReport(folder.dir, { version });
  t.regex(page, />test: R²<\/th><td class="figure">0\.8750</);
  t.false(page.includes('test accuracy (%)'));
});

test('errors of the Hessian and warnings of differences are in the report', async (t) => {
  const folder = makeFolder(t);
  writeRun(folder);
  const doubtful = { differenceError: 5, warning: 'differences of gradients may be off by 40 % here' };
  const measures = {
    trace: { value: 12.5, standardError: 2, ...doubtful },
    eigenvalues: { values: [3, 2], residuals: [0.75, 0.5] },
  };
  folder.write('sharpness.json', { ...sharpness, measures });
  const page = await makeReport(folder.dir, { version });
  t.regex(page, /class="note">Warning: [^<]*trace: differences of gradients may be off by 40 % here</);
  t.regex(page, />trace<\/t[hd]><td[^>]*>[\d.]+ ± 7/);
  t.regex(page, />eigenvalue 1<\/t[hd]><td[^>]*>[\d.]+ ± 0\.75/);
});

test('a run in half precision says so, and how many steps it skipped', async (t) => {
  const folder = makeFolder(t);
  writeRun(folder);
  t.false((await makeReport(folder.dir, { version })).includes('skipped'));
  folder.write('config.json', { ...config('sam'), precision: 'fp16' });
  folder.write('summary.json', { ...summary, precision: 'fp16', device: 'cuda:1', skippedSteps: 7 });
  const page = await makeReport(folder.dir, { version });
  t.regex(page, /class="about">[^<]*in fp16, on cuda:1/);
  t.regex(page, /steps skipped for an overflow<\/t[hd]><td[^>]*>7</);
});

test('pages are well-formed and ask for nothing', async (t) => {
  const folder = makeFolder(t);
  writeRun(folder);
  const page = await makeReport(folder.dir, { version });
  t.is(misnested(page), undefined);
  t.deepEqual(requests(page), []);
  t.regex(page, /Content-Security-Policy" content="default-src &#39;none&#39;;/);
  t.false(page.includes('connect-src'));
  const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!);
  t.true(ids.length > 0);
  t.is(new Set(ids).size, ids.length, 'two charts share the name of a clipping path');
  t.deepEqual(
    [...page.matchAll(/url\(#([^)]*)\)/g)].map(([, id]) => id!).filter((id) => !ids.includes(id)),
    [],
  );
  t.is(page, await makeReport(folder.dir, { version }), 'the same folder makes another page');
});

test('charts are valid SVG with names and units at their axes', async (t) => {
  const folder = makeFolder(t);
  writeRun(folder);
  const page = await makeReport(folder.dir, { version });
  const svgs = page.match(/<svg[\s\S]*?<\/svg>/g)!;
  t.is(svgs.length, figures(page).length);
  for (const svg of svgs)
    t.notThrows(() => new Resvg(svg.replace('<svg', '<svg xmlns="http://www.w3.org/2000/svg"')));
  for (const name of [
    'epoch',
    'loss (nats per image)',
    'accuracy (%)',
    'ρ (norm of all parameters)',
    'eigenvalue',
    'density',
    'ece (%)',
    'predicted',
    'dog',
    '44',
  ])
    t.true(
      svgs.some((svg) => svg.includes(`>${name}</text>`)),
      name,
    );
});

test('nothing in a file becomes markup', async (t) => {
  const hostile = `</script><script>alert(1)</script><img src=x onerror="alert(2)">'&`;
  const folder = makeFolder(t);
  writeRun(folder, 'a/', 'sam');
  folder.write('a/config.json', { ...config('sam'), model: hostile, [hostile]: hostile });
  folder.write('a/landscape-2d.json', { ...surface, to: hostile, settings: { batchNorm: hostile } });
  folder.write('a/landscape-1d.json', {
    ...surface,
    dims: 1,
    axes: [[0, 1]],
    curves: [
      { direction: hostile, losses: [1, 2] },
      { direction: 'b', losses: [1, 2] },
    ],
  });
  folder.write('a/evaluation.json', { ...evaluation, classNames: [hostile, hostile] });
  const other = { accuracy: 1, [hostile]: 1 };
  folder.write('a/summary.json', { ...summary, metrics: other });
  folder.write(
    'a/metrics.jsonl',
    `${metrics(1)}${JSON.stringify({ step: 8, epoch: 2, epochLoss: 1, metrics: other })}\n`,
  );
  folder.write('a/sharpness.json', { rho: 1, [hostile]: hostile, measures: { [hostile]: { value: 1 } } });
  const page = await makeReport(`${folder.dir}/a`, { version });
  t.is(misnested(page), undefined);
  t.false(page.includes('<img'));
  t.is(page.match(/<script/g)!.length, 1);
  t.true(page.includes('&lt;img src=x onerror=&quot;alert(2)&quot;&gt;&#39;&amp;'));

  folder.write('experiment/results.json', {
    ...results,
    title: hostile,
    rows: hostile,
    about: hostile,
    source: hostile,
    columns: [{ metric: 'accuracy', label: hostile, factor: 1, digits: 2 }],
    table: [
      {
        data: hostile,
        variant: hostile,
        label: hostile,
        cells: [
          {
            metric: 'accuracy',
            measured: { mean: 1, std: null, n: 1 },
            paper: { mean: 1, std: '<0.1' },
          },
        ],
      },
    ],
    paperOf: { [hostile]: hostile },
    jobs: [{ id: hostile, data: hostile, variant: hostile, seed: 0, metrics: { [hostile]: 1 } }],
  });
  folder.write('experiment/jobs/x/failure.json', failure(hostile));
  const second = await makeReport(`${folder.dir}/experiment`, { version });
  t.is(misnested(second), undefined);
  t.false(second.includes('<img'));
  t.is(second.match(/<script/g)!.length, 1);
});

test('what is missing or broken is said, and the rest is shown', async (t) => {
  const folder = makeFolder(t);
  folder.write('config.json', config('sgd'));
  const bare = await makeReport(folder.dir, { version });
  t.true(bare.includes('is not finished: 0 epochs and 0 steps so far.'));
  t.true(bare.includes('There are no metrics yet'));
  t.deepEqual(figures(bare), []);

  folder.write('metrics.jsonl', `${metrics(2)}no JSON\n{"step":9,"epoch":3,"lo`);
  folder.write('summary.json', '{');
  folder.write('sharpness-x.json', '[1]');
  folder.write('landscape-1d.json', { ...surface, dims: 1 });
  const broken = await makeReport(folder.dir, { version });
  for (const part of [
    /1 of its lines are not records/,
    /summary\.json is not JSON/,
    /sharpness-x\.json holds no JSON object/,
    /landscape-1d\.json: expected &quot;axes&quot; to be one axis for each of dims/,
  ])
    t.regex(broken, part);
  t.true(figures(broken).includes('Test accuracy'));
  t.false(figures(broken).includes('Radius ρ'), 'SGD has no radius');
});

test('a file of another form is left out, and its field is named', async (t) => {
  const folder = makeFolder(t);
  writeRun(folder);
  folder.write('summary.json', { ...summary, trainLoss: 'low' });
  folder.write('metrics.jsonl', `${metrics(3)}{"step":13,"epoch":4,"loss":[],"lr":0.1}\n`);
  const page = await makeReport(folder.dir, { version });
  t.regex(
    page,
    /summary\.json: expected &quot;trainLoss&quot; to be a number or null, but found &quot;low&quot;/,
  );
  t.regex(
    page,
    /metrics\.jsonl: 1 of its lines are not records, and are left out; line 16: expected &quot;loss&quot;/,
  );
  t.true(page.includes('is not finished'));

  for (const [name, content, message] of [
    [
      'evaluation',
      { ...evaluation, details: { ...evaluation.details, confusion: [[1]] } },
      'details.confusion&quot; to be a square matrix of the classes',
    ],
    ['sharpness', { ...sharpness, rho: null }, 'rho&quot; to be a number, but found null'],
    ['sharpness', { rho: 1 }, 'measures&quot; to be an object of measures, but found nothing'],
    [
      'sharpness',
      { ...sharpness, measures: { density: { curve: { eigenvalue: [1], density: [] } } } },
      'measures.density.curve&quot; to be lists of one length',
    ],
    [
      'landscape-2d',
      { ...surface, version: 2 },
      'version&quot; to be 1, the version of the format, but found 2',
    ],
    ['landscape-2d', { ...surface, losses: [[1]] }, 'losses&quot; to be a row of losses for each point'],
    [
      'landscape-1d',
      { ...curves, curves: undefined },
      'curves&quot; to be curves with a loss for each point',
    ],
    ['landscape-1d', { ...curves, axes: [['a', 'b']] }, 'axes.0.0&quot; to be a number, but found &quot;a'],
  ] as const) {
    const own = makeFolder(t);
    writeRun(own);
    own.write(`${name}.json`, content);
    const told = await makeReport(own.dir, { version });
    t.true(told.includes(`${name}.json: expected &quot;${message}`), message);
  }

  const experiment = makeFolder(t);
  experiment.write('results.json', { ...results, seeds: 2 });
  const other = await makeReport(experiment.dir, { version });
  t.regex(other, /results\.json: expected &quot;seeds&quot; to be a list of seeds, but found 2/);
});

test('a folder that holds nothing is refused with what it should hold', async (t) => {
  const folder = makeFolder(t);
  await t.throwsAsync(makeReport(folder.dir, { version }), { code: 'NOT_FOUND', message: /config\.json/ });
  await t.throwsAsync(makeReport(`${folder.dir}/none`, { version }), {
    code: 'NOT_FOUND',
    message: /not a folder/,
  });
});

test('a comparison has one line a run, and tells which have not begun', async (t) => {
  const folder = makeFolder(t);
  folder.write('config.json', { compare: ['sgd', 'sam', 'sam-3'], settings: {} });
  writeRun(folder, 'sgd/', 'sgd');
  writeRun(folder, 'sam/', 'sam');
  const page = await makeReport(folder.dir, { version });
  t.true(page.includes('sam-3 has not begun.'));
  t.true(figures(page).includes('Final generalization gap'));
  t.regex(page, /<th scope="col" class="figure">sgd<\/th><th scope="col" class="figure">sam<\/th>/);
  t.regex(
    page,
    /<th scope="row" class="label">optimizer<\/th><td class="figure">sgd<\/td><td class="figure">sam<\/td>/,
  );
  t.is(misnested(page), undefined);
});

test('an experiment has mean ± deviation with the figures of the paper, and its failures', async (t) => {
  const folder = makeFolder(t);
  writeRun(folder, 'jobs/sgd-0/', 'sgd');
  writeRun(folder, 'jobs/sgd-1/', 'sgd');
  folder.write('jobs/sam-0/failure.json', failure('The loss is NaN.'));
  const unfinished = await makeReport(folder.dir, { version });
  t.true(unfinished.includes('2 of 2 runs that have begun are trained'));
  t.true(unfinished.includes('Job sam-0 failed: The loss is NaN.'));

  const jobs = [0, 1].map((seed) => ({
    id: `sgd-${seed}`,
    data: 'digits',
    variant: 'sgd',
    seed,
    metrics: { accuracy: 0.9 + seed / 100 },
  }));
  folder.write('results.json', {
    ...results,
    title: 'Table 3',
    table: [
      {
        data: 'digits',
        variant: 'sgd',
        label: 'SGD',
        cells: [
          {
            metric: 'accuracy',
            measured: { mean: 90.5, std: 0.714, n: 2 },
            paper: { mean: 96.5, std: '<0.1' },
          },
        ],
      },
      {
        data: 'digits',
        variant: 'sam',
        label: 'SAM',
        cells: [{ metric: 'accuracy', measured: null, paper: null }],
      },
    ],
    jobs,
    paperOf: { digits: 'cifar10' },
  });
  const page = await makeReport(folder.dir, { version });
  t.regex(page, /SGD<\/th><td class="figure">90\.50 ± 0\.71<\/td><td class="figure">96\.5 ± &lt;0\.1<\/td>/);
  t.regex(page, /SAM<\/th><td class="figure">–<\/td><td class="figure">–<\/td>/);
  t.true(page.includes('Beside digits stand its figures of cifar10.'));
  t.deepEqual(figures(page), ['accuracy %', 'Test accuracy', 'Test loss']);
  t.is(misnested(page), undefined);
});
