import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { temporaryFolder } from './run-cli.js';

const EXAMPLES = fileURLToPath(new URL('../../../examples/', import.meta.url));

/** Runs an example as its README says; what it prints, and the size of the model it leaves. */
async function runExample(t: Parameters<typeof temporaryFolder>[0], name: string) {
  const out = join(temporaryFolder(t), 'result.onnx');
  const { stdout } = await promisify(execFile)(process.execPath, [join(EXAMPLES, name, 'train.mjs'), out]);
  return {
    stdout,
    before: figure(stdout, 'before'),
    after: figure(stdout, 'after'),
    bytes: statSync(out).size,
  };
}

/** The first number of the line that begins so. */
function figure(stdout: string, start: string): number {
  const found = new RegExp(`^${start}: .*?([\\d.]+)`, 'm').exec(stdout);
  if (!found) throw new Error(`No line of the example begins with ${start}: ${stdout}`);
  return Number(found[1]);
}

for (const name of ['fine-tune-classifier', 'text-classifier', 'segmentation']) {
  test(`the model of ${name} is small`, (t) => {
    t.true(statSync(join(EXAMPLES, name, 'model.onnx')).size < 60 * 1024);
  });
}

test.serial(
  'fine-tune-classifier: five more digits are learnt, the stem stays, onnxruntime-node agrees',
  async (t) => {
    const { stdout, before, after, bytes } = await runExample(t, 'fine-tune-classifier');
    t.true(before > 40 && before < 55, stdout);
    t.true(after > 90, stdout);
    t.regex(stdout, /frozen: stem\.0\.weight, stem\.1\.weight, stem\.1\.bias/);
    t.is(figure(stdout, '.*onnxruntime-node'), after);
    t.true(bytes > 20_000);
  },
);

test.serial('text-classifier: new texts are told apart, at any length', async (t) => {
  const { stdout, before, after } = await runExample(t, 'text-classifier');
  t.true(before < 70, stdout);
  t.true(after > 95, stdout);
  t.regex(stdout, /not bad: good\n.*not good: bad\n.*dull: bad\n$/);
});

test.serial('segmentation: the outlines are found', async (t) => {
  const { stdout, before, after } = await runExample(t, 'segmentation');
  t.true(before < 0.4, stdout);
  t.true(after > 0.85, stdout);
});

test.serial(
  'notebook: its page has the text, code, output and figures of all cells, and a report in a frame',
  async (t) => {
    const page = join(temporaryFolder(t), 'notebook.html');
    const { stdout } = await promisify(execFile)(process.execPath, [
      join(EXAMPLES, 'notebook/run.mjs'),
      page,
    ]);
    const html = readFileSync(page, 'utf8');
    const [before = ''] = html.split('<iframe');
    for (const [what, count] of [
      ['<h2>', 4],
      ['<pre class="code">', 5],
      ['<pre class="output">', 6],
      ['<figure><svg', 2],
      ['<figure>', 3],
    ] as const)
      t.is(before.split(what).length - 1, count, what);
    const accuracies = [...stdout.matchAll(/accuracy ([\d.]+) %/g)].map(([, percent]) => Number(percent));
    t.true(accuracies.length === 3 && Math.min(...accuracies) > 90, stdout);
    t.true(html.includes('Content-Security-Policy'), 'the report is not in the page');
    t.regex(html, /sam +ascent [\d.]+, average/);
  },
);
