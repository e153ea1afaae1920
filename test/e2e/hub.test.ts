import { readFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { mlp } from '../../src/models/mlp.js';
import { encodeModel } from '../../src/onnx/proto.js';
import { npy } from '../fixtures/npy.js';
import { writeNpz } from '../fixtures/npz.js';
import { commit, FakeHub, type FakeRepository, send } from '../unit/hub/fake-hub.js';
import { type CliResult, recordsReach, startCli, temporaryFolder } from './run-cli.js';

const NAME = 'hf:owner/name';
const FILE = 'onnx/model.onnx';
const [FIRST, SECOND] = [commit('a'), commit('b')];
const pinned = (at: string): string => `${NAME}@${at}/${FILE}`;

const network = (seed: number) => ({
  [FILE]: {
    bytes: encodeModel(mlp({ classes: 10, inputShape: [1, 8, 8], hidden: [16], seed })),
    lfs: true,
  },
});

interface Machine {
  readonly hub: FakeHub;
  /** Its branch is moved by the test. */
  readonly repository: FakeRepository;
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  run(...args: string[]): Promise<CliResult>;
}

/** A hub, and a cache that is empty. */
async function machine(t: ExecutionContext): Promise<Machine> {
  const repository: FakeRepository = {
    commits: { [FIRST]: network(1), [SECOND]: network(2) },
    refs: { main: FIRST },
  };
  const hub = await FakeHub.open(t, { 'models/owner/name': repository });
  const dir = temporaryFolder(t);
  const env = {
    FLATMIN_CACHE: join(dir, 'cache'),
    HF_ENDPOINT: hub.endpoint,
    HF_TOKEN: '',
    HF_HUB_OFFLINE: '',
  };
  return { hub, repository, dir, env, run: (...args) => startCli(args, env).result };
}

const configOf = (out: string) => JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
const modelOf = (out: string): Buffer => readFileSync(join(out, 'model.onnx'));

const TRAIN = [
  ...['train', '--data', 'digits', '--train-samples', '320', '--test-samples', '32', '--batch', '32'],
  ...['--epochs', '20', '--threads', '1', '--quiet', '--checkpoint-every', '3'],
];

test.serial(
  'a run on a model of the hub resumes on the same bytes, though its branch has moved',
  async (t) => {
    const { hub, repository, dir, env, run } = await machine(t);
    const [whole, broken, other] = [join(dir, 'whole'), join(dir, 'broken'), join(dir, 'other')];
    const model = ['--model', NAME];
    const reference = await run(...TRAIN, ...model, '--out', whole);
    t.is(reference.code, 0, reference.stderr);
    t.like(configOf(whole), { model: pinned(FIRST), asked: { model: NAME } });

    const { child, result } = startCli([...TRAIN, ...model, '--out', broken], env);
    await recordsReach(join(broken, 'metrics.jsonl'), 8, child);
    child.kill('SIGINT');
    t.is((await result).code, 130);
    repository.refs.main = SECOND;
    hub.takeSeen();
    const end = await run('train', '--resume', ...model, '--threads', '1', '--quiet', '--out', broken);
    t.is(end.code, 0, end.stderr);
    t.deepEqual(hub.takeSeen(), [], 'the commit is known, and cached');
    t.like(configOf(broken), { model: pinned(FIRST), asked: { model: NAME } });
    t.true(modelOf(broken).equals(modelOf(whole)));

    const moved = await run(...TRAIN, ...model, '--out', other);
    t.is(moved.code, 0, moved.stderr);
    t.is(configOf(other).model, pinned(SECOND));
    t.false(modelOf(other).equals(modelOf(whole)));
    const misfit = await run('train', '--resume', '--model', pinned(SECOND), '--quiet', '--out', broken);
    t.is(misfit.code, 1);
    t.regex(misfit.stderr, /model: was "hf:owner\/name@a+\/.*", is "hf:owner\/name@b+\//);
  },
);

test.serial('a run on data of the hub resumes on the same bytes, though its branch has moved', async (t) => {
  const { dir } = await machine(t);
  const digits = (count: number, from: number) => {
    const row = (i: number) => Array.from({ length: 4 }, (_, at) => Math.sin(i + 7 * at)).concat(i % 3);
    const rows = Array.from({ length: count }, (_, i) => row(from + i).join());
    return { bytes: Buffer.from(`a,b,c,d,label\n${rows.join('\n')}\n`) };
  };
  const repository: FakeRepository = {
    commits: {
      [FIRST]: { 'train.csv': digits(320, 0), 'test.csv': digits(32, 500) },
      [SECOND]: { 'train.csv': digits(320, 9), 'test.csv': digits(32, 500) },
    },
    refs: { main: FIRST },
  };
  const hub = await FakeHub.open(t, { 'datasets/owner/data': repository });
  const env = {
    ...{ FLATMIN_CACHE: join(dir, 'cache'), HF_ENDPOINT: hub.endpoint },
    ...{ HF_TOKEN: '', HF_HUB_OFFLINE: '' },
  };
  const run = (...args: string[]) => startCli(args, env).result;
  const model = join(dir, 'model.onnx');
  writeFileSync(model, encodeModel(mlp({ classes: 3, inputShape: [4], hidden: [16] })));
  const data = ['--data', 'hf:owner/data'];
  const train = [
    'train',
    '--model',
    model,
    ...data,
    '--batch',
    '32',
    '--epochs',
    '20',
    '--threads',
    '1',
    '--quiet',
  ];
  const [whole, broken] = [join(dir, 'whole'), join(dir, 'broken')];
  const reference = await run(...train, '--checkpoint-every', '3', '--out', whole);
  t.is(reference.code, 0, reference.stderr);
  t.like(configOf(whole), { data: `hf:owner/data@${FIRST}`, asked: { data: 'hf:owner/data' } });

  const { child, result } = startCli([...train, '--checkpoint-every', '3', '--out', broken], env);
  await recordsReach(join(broken, 'metrics.jsonl'), 8, child);
  child.kill('SIGINT');
  t.is((await result).code, 130);
  repository.refs.main = SECOND;
  hub.takeSeen();
  const end = await run('train', '--resume', ...data, '--threads', '1', '--quiet', '--out', broken);
  t.is(end.code, 0, end.stderr);
  t.deepEqual(hub.takeSeen(), [], 'the commit is known, and cached');
  t.true(modelOf(broken).equals(modelOf(whole)));

  const evaluated = await run('evaluate', whole, '--json', '--quiet');
  t.is(evaluated.code, 0, evaluated.stderr);
  const other = await run('evaluate', join(whole, 'model.onnx'), ...data, '--json', '--quiet');
  t.is(JSON.parse(other.stdout).loss, JSON.parse(evaluated.stdout).loss, 'the test rows are the same');
  t.true(hub.takeSeen().length > 0, 'a branch that has moved is fetched');
  const predictions = join(dir, 'predictions.csv');
  const predicted = await run('predict', model, ...data, '--out', predictions);
  t.is(predicted.code, 0, predicted.stderr);
  t.is(readFileSync(predictions, 'utf8').trim().split('\n').length, 33);
  const misfit = await run(
    'train',
    '--resume',
    '--data',
    `hf:owner/data@${SECOND}`,
    '--quiet',
    '--out',
    broken,
  );
  t.regex(misfit.stderr, /data: was "hf:owner\/data@a+", is "hf:owner\/data@b+"/);
  const missing = await run('evaluate', model, '--data', 'hf:owner/none');
  t.is(missing.code, 1);
  t.regex(missing.stderr, /^flatmin: There is no data set owner\/none at http[^\n]+\n$/);
});

test.serial('a comparison takes one commit for all its runs', async (t) => {
  const { repository, dir, run } = await machine(t);
  const out = join(dir, 'compared');
  const compare = [...TRAIN, '--epochs', '1', '--model', NAME, '--compare', 'sgd,sam', '--out', out];
  t.is((await run(...compare)).code, 0);
  t.like(configOf(out), { settings: { model: pinned(FIRST) }, asked: { model: NAME } });
  for (const name of ['sgd', 'sam']) t.is(configOf(join(out, name)).model, pinned(FIRST));
  repository.refs.main = SECOND;
  const again = await run(...compare, '--resume');
  t.is(again.code, 0, again.stderr);
  t.is(configOf(out).settings.model, pinned(FIRST));
});

test.serial('an experiment goes on though the branch has moved', async (t) => {
  const { repository, dir, run } = await machine(t);
  const file = join(dir, 'experiment.json');
  writeFileSync(
    file,
    JSON.stringify({
      name: 'of-the-hub',
      title: 'Of the hub',
      variants: [{ name: 'sgd', settings: { optimizer: 'sgd' } }],
      columns: [{ metric: 'accuracy', label: 'accuracy' }],
      settings: { model: NAME, batch: 32, epochs: 1, trainSamples: 64, testSamples: 32 },
      scales: { only: { data: ['digits'], seeds: [0] } },
    }),
  );
  const out = join(dir, 'out');
  const first = await run('experiment', file, '--out', out, '--quiet');
  t.is(first.code, 0, first.stderr);
  repository.refs.main = SECOND;
  const second = await run('experiment', file, '--out', out, '--quiet');
  t.is(second.code, 0, second.stderr);
});

test.serial('inspect, grad, sharpness, export and bench take a model of the hub', async (t) => {
  const { hub, dir, run } = await machine(t);
  const inspected = await run('inspect', NAME);
  t.is(inspected.code, 0, inspected.stderr);
  t.regex(inspected.stdout, /Trainable\./);
  t.is(inspected.stderr, '', 'no bar where there is no terminal');

  const batch = join(dir, 'batch.npz');
  const images = npy(
    '<f4',
    [2, 1, 8, 8],
    Float32Array.from({ length: 128 }, (_, i) => i % 5),
  );
  writeNpz(batch, { images, labels: npy('<i4', [2], Int32Array.of(1, 2)) });
  const gradients = join(dir, 'gradients.safetensors');
  const grad = await run('grad', NAME, '--inputs', batch, '--target', 'labels', '--out', gradients);
  t.is(grad.code, 0, grad.stderr);

  const sharp = await run(
    ...[
      'sharpness',
      NAME,
      '--data',
      'digits',
      '--measures',
      'ascent',
      '--samples',
      '32',
      '--json',
      '--quiet',
    ],
  );
  t.is(sharp.code, 0, sharp.stderr);
  t.true(sharp.stdout.includes(pinned(FIRST)), 'the report says which bytes it is of');

  const graph = join(dir, 'graph.onnx');
  const exported = await run('export', '--model', NAME, '--batch', '2', '--out', graph);
  t.is(exported.code, 0, exported.stderr);
  const timed = await run(
    ...[
      'bench',
      'step',
      '--model',
      NAME,
      '--input',
      '1x8x8',
      '--batch',
      '4',
      '--steps',
      '1',
      '--warmup',
      '1',
      '--json',
    ],
  );
  t.is(timed.code, 0, timed.stderr);
  const models = [
    'bench',
    'models',
    NAME,
    '--batch',
    '4',
    '--steps',
    '1',
    '--rounds',
    '1',
    '--optimizers',
    'sgd',
  ];
  const compared = await run(...models, '--precisions', 'fp32', '--json');
  t.is(compared.code, 0, compared.stderr);
  t.is(JSON.parse(compared.stdout).results[0].model, 'name-model');
  t.is(hub.seen.filter(({ host }) => host === 'storage').length, 1, 'one download');
});

test.serial('what goes wrong is one line, and a failure', async (t) => {
  const { hub, run } = await machine(t);
  const missing = await run('inspect', 'hf:owner/none');
  t.is(missing.code, 1);
  t.regex(missing.stderr, /^flatmin: There is no model owner\/none at http[^\n]+\n$/);
  const malformed = await run('inspect', 'hf:owner');
  t.regex(
    malformed.stderr,
    /^flatmin: Expected a name of the Hugging Face Hub to be of the form hf:OWNER\/NAME[^\n]+\n$/,
  );
  const page = Buffer.from('<html>Log in</html>');
  for (const [fault, message] of [
    [(response) => response.writeHead(503).end(), /the server answered 503/],
    [
      (response) => response.writeHead(200).end(page),
      /ended after 19 of \d+ bytes: the server sent something else/,
    ],
    [(response) => send(response, Buffer.alloc(20)), /the server announces 20/],
    [(response, file) => send(response, Buffer.from(file).fill(7, 10, 11)), /with the SHA-256 \w+, but/],
  ] satisfies [(response: ServerResponse, file: Buffer) => unknown, RegExp][]) {
    hub.fault = ({ host }, response, file) => host === 'storage' && !!(fault(response, file!) ?? true);
    const failed = await run('inspect', NAME);
    t.is(failed.code, 1);
    t.regex(failed.stderr, message);
    t.regex(failed.stderr, /^flatmin: [^\n]+\n$/);
  }
  hub.fault = undefined;
  const twice = await run('inspect', NAME);
  t.is(twice.code, 0, twice.stderr);
  await hub.close();
  const offline = await run('inspect', NAME);
  t.is(offline.code, 0, offline.stderr);
  t.regex(offline.stderr, /^Could not get the model owner\/name.* as it was last: commit a{40}\.\n$/);
});

test.serial('Ctrl-C stops a download', async (t) => {
  const { hub, env } = await machine(t);
  let child: ReturnType<typeof startCli>['child'] | undefined;
  hub.fault = ({ host }, response, file) => {
    if (host === 'hub') return false;
    response.writeHead(200, { 'content-length': file!.length }).write(file!.subarray(0, 100));
    setTimeout(() => child?.kill('SIGINT'), 200);
    return true;
  };
  const started = startCli(['inspect', NAME], env);
  child = started.child;
  const { code, stderr } = await started.result;
  t.is(code, 130, stderr);
  t.regex(stderr, /flatmin: The download of onnx\/model\.onnx of owner\/name.* was stopped\./);
});
