import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { readModel } from '../../src/onnx/model.js';
import { runCli, temporaryFolder } from './run-cli.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MODEL = join(ROOT, 'examples/fine-tune-classifier/model.onnx');
const PAGE = readFileSync(join(ROOT, 'docs/fine-tuning.md'), 'utf8');

/** The section of the page about new classes: its commands, what it says they print, and its program. */
const section = PAGE.slice(PAGE.indexOf('\n## 4.'), PAGE.indexOf('\n## 5.'));
const blocks = [...section.matchAll(/^```(\w*)\n(.*?)^```$/gms)];
const block = (language: string): string => blocks.find(([, called]) => called === language)![2]!;
const commands = block('sh')
  .replaceAll('\\\n', ' ')
  .trim()
  .split('\n')
  .map((line) => line.trim().split(/\s+/).slice(1));

/** What plain onnxruntime-node makes of zeros. */
async function logitsOf(path: string) {
  const session = await InferenceSession.create(path);
  const { logits } = await session.run({
    images: new Tensor('float32', new Float32Array(3 * 64), [3, 1, 8, 8]),
  });
  return logits!;
}

test.serial("the page's commands come to what it says", async (t) => {
  const dir = temporaryFolder(t);
  const figures = [/: ([\d.]+) % of the held-back digits, told by/, /block by block: ([\d.]+) %/];
  for (const [index, figure] of figures.entries()) {
    const args = commands[index]!.map((arg) => (arg.startsWith('runs/') ? join(dir, arg) : arg));
    const { code, stdout, stderr } = await runCli(...args, '--json');
    t.is(code, 0, stderr);
    const stated = Number(figure.exec(section)![1]);
    // Other machines sum in other orders.
    t.true(Math.abs(JSON.parse(stdout).accuracy * 100 - stated) < 3, stdout);
    if (index === 1) for (const note of block('').trim().split('\n')) t.true(stderr.includes(note), stderr);
    t.deepEqual((await logitsOf(join(args.at(-1)!, 'model.onnx'))).dims, [3, 10]);
  }
});

test.serial("the page's program tells odd digits from even ones", async (t) => {
  const dir = temporaryFolder(t);
  const path = join(dir, 'odd-or-even.onnx');
  const program = block('js')
    .replace("'odd-or-even.onnx'", JSON.stringify(path))
    .replace("'examples/", `'${join(ROOT, 'examples')}/`)
    .replace("from 'flatmin'", `from ${JSON.stringify(pathToFileURL(join(ROOT, 'dist/src/index.js')).href)}`);
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  t.regex(stdout, /^The last layer, Gemm "node_linear", .* 2 classes instead of 10/);
  t.true(Number(/([\d.]+) % of the held-back/.exec(stdout)![1]) > 93, stdout);
  t.deepEqual((await logitsOf(path)).dims, [3, 2]);
});

test.serial(
  'linear probing moves the last layer and no running statistic, and sharpness is of that layer',
  async (t) => {
    const out = join(temporaryFolder(t), 'run');
    const run = [
      '--model',
      join(ROOT, 'examples/fine-tune-classifier/model.onnx'),
      '--data',
      'digits',
      '--epochs',
      '1',
    ];
    const trained = await runCli(
      'train',
      ...run,
      '--head-only',
      '--train-samples',
      '640',
      '--quiet',
      '--out',
      out,
    );
    t.is(trained.code, 0, trained.stderr);
    const [before, after] = await Promise.all(
      [MODEL, join(out, 'model.onnx')].map(async (path) => (await readModel(path)).graph.initializer),
    );
    const moved = after!.filter(
      ({ rawData }, index) => Buffer.compare(rawData!, before![index]!.rawData!) !== 0,
    );
    t.deepEqual(
      moved.map(({ name }) => name),
      ['fc.weight', 'fc.bias'],
    );
    const measures = ['--samples', '128', '--measures', 'ascent,trace', '--draws', '2', '--json'];
    const measured = await runCli('sharpness', out, ...measures);
    t.is(measured.code, 0, measured.stderr);
    t.is(JSON.parse(measured.stdout).parameters, 170);
  },
);
