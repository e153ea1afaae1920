import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { sealedJson } from '../../src/formats/digest.js';
import { recordsReach, runCli, startCli, temporaryFolder } from './run-cli.js';

const DIGITS = ['--data', 'digits', '--model', 'wrn-10-1', '--batch', '64', '--quiet'];
const FAILURE = 1;
const USAGE = 2;

interface Case {
  args: string[];
  code: number;
  says: RegExp;
}

const cases: Record<string, Case> = {
  'an unknown command': { args: ['trian'], code: USAGE, says: /unknown command 'trian'.*train/ },
  'an unknown option': {
    args: ['train', ...DIGITS, '--optmizer', 'sam'],
    code: USAGE,
    says: /unknown option '--optmizer'.*--optimizer/,
  },
  'an unknown optimizer': {
    args: ['train', ...DIGITS, '--optimizer', 'lion'],
    code: USAGE,
    says: /'lion'.*sgd, adamw, sam, rand-sam/,
  },
  'a rate that is no number': {
    args: ['train', ...DIGITS, '--lr', 'fast'],
    code: USAGE,
    says: /--lr.*'fast'.*not a number/,
  },
  'a negative radius': {
    args: ['train', ...DIGITS, '--optimizer', 'sam', '--rho', '-1'],
    code: FAILURE,
    says: /rho.*≥ 0.*-1/,
  },
  'a radius for an optimizer without': {
    args: ['train', ...DIGITS, '--rho', '0.1'],
    code: FAILURE,
    says: /sgd has no "rho"/,
  },
  'an option of another of the family': {
    args: ['train', ...DIGITS, '--optimizer', 'gsam', '--sigma', '1'],
    code: FAILURE,
    says: /gsam has no "sigma"/,
  },
  'a final radius without a schedule': {
    args: ['train', ...DIGITS, '--optimizer', 'sam', '--rho-final', '0.1'],
    code: FAILURE,
    says: /"rhoFinal" does nothing without a rhoSchedule/,
  },
  'a kind of perturbation without micro-batches': {
    args: ['train', ...DIGITS, '--optimizer', 'sam', '--perturbation', 'synchronised'],
    code: FAILURE,
    says: /"perturbation" does nothing without accumulate > 1/,
  },
  'two averages': {
    args: ['train', ...DIGITS, '--ema', '0.9', '--swa-start', '1'],
    code: FAILURE,
    says: /ema.*left out with swaStart/,
  },
  'an average that begins after the last epoch': {
    args: ['train', ...DIGITS, '--epochs', '2', '--swa-start', '2'],
    code: FAILURE,
    says: /swaStart.*before the last epoch \(2\)/,
  },
  'more micro-batches than an epoch has': {
    args: ['train', ...DIGITS, '--accumulate', '99'],
    code: FAILURE,
    says: /accumulate to be at most 22/,
  },
  'no model': { args: ['train', '--data', 'digits'], code: FAILURE, says: /"model" is not given/ },
  'an unknown model': {
    args: ['train', '--data', 'digits', '--model', 'vgg'],
    code: FAILURE,
    says: /"vgg"/,
  },
  'a model larger than any machine': {
    args: ['train', '--data', 'digits', '--model', 'mlp-1000000000000'],
    code: FAILURE,
    says: /An MLP of 64, 1000000000000, 10 units has 7\.50e\+13 parameters.*GiB of memory/,
  },
  'a WideResNet larger than any machine': {
    args: ['train', '--data', 'digits', '--model', 'wrn-100000-1000'],
    code: FAILURE,
    says: /WideResNet-100000-1000 has 1\.61e\+15 parameters.*GiB of memory/,
  },
  'sizes larger than any machine': {
    args: ['bench', 'step', '--model', 'mlp-4', '--batch', '1e15'],
    code: FAILURE,
    says: /more than can be held in memory \(Invalid typed array length: \d+\): choose smaller sizes/,
  },
  'an impossible depth': {
    args: ['train', '--data', 'digits', '--model', 'wrn-15-1'],
    code: FAILURE,
    says: /depth.*6n \+ 4.*15/,
  },
  'an unknown data set': {
    args: ['train', '--data', 'mnist', '--model', 'wrn-10-1'],
    code: FAILURE,
    says: /"mnist".*digits, cifar10:DIR/,
  },
  'missing data files': {
    args: ['train', '--data', 'cifar10:/nowhere', '--model', 'wrn-10-1'],
    code: FAILURE,
    says: /\/nowhere\/data_batch_1\.bin does not exist.*flatmin data cifar10/,
  },
  'a batch larger than the data': {
    args: ['train', ...DIGITS, '--batch', '2000'],
    code: FAILURE,
    says: /batch of 2000 is larger than the 1437/,
  },
  'more samples than there are': {
    args: ['train', ...DIGITS, '--train-samples', '9999'],
    code: FAILURE,
    says: /at most 1437.*9999/,
  },
  'a group that matches nothing': {
    args: ['train', ...DIGITS, '--group', 'head:frozen'],
    code: FAILURE,
    says: /"head" matches no parameter/,
  },
  'warm-up longer than the run': {
    args: ['train', ...DIGITS, '--epochs', '1', '--warmup-epochs', '2'],
    code: FAILURE,
    says: /warmupSteps/,
  },
  'a comparison with a name unknown': {
    args: ['train', ...DIGITS, '--compare', 'sgd,lion'],
    code: FAILURE,
    says: /compare.*"lion"/,
  },
  'a comparison with an impossible depth': {
    args: ['train', '--data', 'digits', '--model', 'wrn-15-1', '--compare', 'sgd,sam'],
    code: FAILURE,
    says: /depth/,
  },
  'resuming nothing': { args: ['train', '--resume'], code: FAILURE, says: /no run to resume/ },
  'CUDA graphs on the CPU': {
    args: ['train', ...DIGITS, '--cuda-graphs'],
    code: FAILURE,
    says: /needs a CUDA device/,
  },
  'an experiment on a device that there is not': {
    args: ['experiment', 'table2', '--scale', 'tiny', '--device', 'cuda:x'],
    code: FAILURE,
    says: /Expected device to be 'cpu', 'cuda' or 'cuda:<ordinal>'.*"cuda:x"/,
  },
  'more workers than help anybody': {
    args: ['train', ...DIGITS, '--workers', '1000'],
    code: FAILURE,
    says: /Expected workers to be an integer from 0 to 64, but received 1000/,
  },
  'more threads than any machine has': {
    args: ['bench', 'step', '--model', 'wrn-10-1', '--threads', '99999'],
    code: FAILURE,
    says: /Expected threads to be an integer from 1 to 1024, but received 99999/,
  },
  'a port that is none': {
    args: ['report', '.', '--watch', '--port', '70000'],
    code: FAILURE,
    says: /Expected port to be an integer from 0 to 65535, but received 70000/,
  },
  'images without channels': {
    args: ['bench', 'step', '--model', 'wrn-10-1', '--input', '0x8x8'],
    code: FAILURE,
    says: /Expected input to be three positive integers: .*, but received \[0, 8, 8\]/,
  },
  'rounds of no comparison': {
    args: ['bench', 'step', '--model', 'wrn-10-1', '--rounds', '2'],
    code: FAILURE,
    says: /--rounds is of the comparison with PyTorch: add --compare torch/,
  },
  'a runtime that is none': {
    args: ['train', ...DIGITS, '--runtime', '/nowhere.so'],
    code: FAILURE,
    says: /\/nowhere\.so/,
  },
};

for (const [what, { args, code, says }] of Object.entries(cases)) {
  test(`${what}: exit ${code}, one line that says what is wrong, and no folder`, async (t) => {
    const out = join(temporaryFolder(t), 'run');
    const result = await runCli(
      ...args,
      ...(['train', 'experiment', 'bench'].includes(args[0]!) ? ['--out', out] : []),
    );
    t.is(result.code, code, result.stderr);
    t.regex(result.stderr, says);
    t.regex(result.stderr, /^flatmin: [^\n]+\n$/);
    t.is(result.stdout, '');
    t.false(existsSync(out));
  });
}

test('a truncated data file is named', async (t) => {
  const dir = temporaryFolder(t);
  for (const name of ['data_batch_1', 'data_batch_2', 'data_batch_3', 'data_batch_4', 'test_batch']) {
    writeFileSync(join(dir, `${name}.bin`), new Uint8Array(3073));
  }
  writeFileSync(join(dir, 'data_batch_5.bin'), new Uint8Array(3000));
  const out = join(dir, 'run');
  const result = await runCli(
    ...['train', '--data', `cifar10:${dir}`, '--model', 'wrn-10-1', '--batch', '1', '--out', out],
  );
  t.is(result.code, FAILURE);
  t.regex(result.stderr, /^flatmin: .*data_batch_5\.bin.*\n$/);
  t.false(existsSync(out));
});

test('a loss that is not finite ends the run and names the step', async (t) => {
  const out = join(temporaryFolder(t), 'run');
  const result = await runCli('train', ...DIGITS, '--lr', '1e30', '--epochs', '2', '--out', out);
  t.is(result.code, 3);
  t.regex(
    result.stderr,
    /^flatmin: The (loss is (NaN|-?Infinity)|gradient of the loss is not finite) at step \d+.*learning rate.*\n$/,
  );
  t.false(existsSync(join(out, 'model.onnx')));
  t.false(existsSync(join(out, 'summary.json')));
});

test('a folder in use, a folder with a run, and other settings on resume are refused', async (t) => {
  const out = join(temporaryFolder(t), 'run');
  const { child, result } = startCli(['train', ...DIGITS, '--epochs', '1000', '--out', out]);
  await recordsReach(join(out, 'metrics.jsonl'), 2, child);
  for (const resume of [[], ['--resume']]) {
    const second = await runCli('train', ...DIGITS, ...resume, '--epochs', '1000', '--out', out);
    t.is(second.code, FAILURE);
    t.regex(second.stderr, new RegExp(`held by process ${child.pid}`));
  }
  child.kill('SIGINT');
  t.is((await result).code, 130);

  const records = readFileSync(join(out, 'metrics.jsonl'));
  const second = await runCli('train', ...DIGITS, '--out', out);
  t.is(second.code, FAILURE);
  t.regex(second.stderr, /already has a run: use --resume or another --out/);
  const changed = await runCli('train', '--resume', '--lr', '0.3', '--seed', '5', '--out', out);
  t.is(changed.code, FAILURE);
  t.regex(changed.stderr, /seed: was 0, is 5\n {2}lr: was 0.1, is 0.3\n/);
  t.true(readFileSync(join(out, 'metrics.jsonl')).equals(records));
});

test('settings of a file that are no texts or numbers are refused by name', async (t) => {
  const out = join(temporaryFolder(t), 'run');
  await runCli(
    'train',
    ...DIGITS,
    '--train-samples',
    '64',
    '--test-samples',
    '64',
    '--epochs',
    '1',
    '--out',
    out,
  );
  rmSync(join(out, 'summary.json'));
  const { digest, ...rest } = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
  t.is(typeof digest, 'string');
  writeFileSync(join(out, 'config.json'), sealedJson({ ...rest, batch: { toString: 1 } }));
  for (const command of [
    ['train', '--resume', '--out', out],
    ['sharpness', out],
  ]) {
    const { code, stderr } = await runCli(...command);
    t.is(code, FAILURE);
    t.regex(
      stderr,
      /^flatmin: .*config\.json: Expected batch to be .*received \{"toString":1\} of type object\.\n$/,
    );
  }
  const report = await runCli('report', out);
  t.is(report.code, 0, report.stderr);
});

test('a file where the folder should be is left alone', async (t) => {
  const out = join(temporaryFolder(t), 'file');
  writeFileSync(out, 'mine');
  const result = await runCli('train', ...DIGITS, '--out', out);
  t.is(result.code, FAILURE);
  t.regex(result.stderr, /a folder, not a file/);
  t.is(readFileSync(out, 'utf8'), 'mine');
});

test('where all checkpoints are damaged the run is refused by name, and begins again if asked to', async (t) => {
  const out = join(temporaryFolder(t), 'run');
  const run = ['train', ...DIGITS, '--train-samples', '64', '--epochs', '2', '--out', out];
  const { child, result } = startCli([...run, '--epochs', '500']);
  await recordsReach(join(out, 'metrics.jsonl'), 4, child);
  child.kill('SIGINT');
  await result;
  for (const name of ['checkpoint.safetensors', 'checkpoint-before-1.safetensors'])
    writeFileSync(join(out, name), 'garbage garbage');
  const resumed = await runCli('train', '--resume', '--quiet', '--out', out);
  t.is(resumed.code, FAILURE);
  t.regex(resumed.stderr, /^flatmin: .*checkpoint\.safetensors.*no other checkpoint.*--restart.*\n$/);
  rmSync(join(out, 'metrics.jsonl'));
  const again = startCli(['train', '--resume', '--restart', '--quiet', '--out', out]);
  await recordsReach(join(out, 'metrics.jsonl'), 2, again.child);
  again.child.kill('SIGINT');
  t.is((await again.result).code, 130);
});

test('an archive that is not the official one is refused', async (t) => {
  const dir = temporaryFolder(t);
  const archive = join(dir, 'archive.tar.gz');
  writeFileSync(archive, 'not an archive');
  mkdirSync(join(dir, 'out'));
  const result = await runCli('data', 'cifar10', '--out', join(dir, 'out'), '--from', archive);
  t.is(result.code, FAILURE);
  t.regex(result.stderr, /MD5/);
});

test('FLATMIN_DEBUG=1 shows the stack of a failure', async (t) => {
  process.env.FLATMIN_DEBUG = '1';
  t.teardown(() => delete process.env.FLATMIN_DEBUG);
  const result = await runCli('train', '--resume', '--out', join(temporaryFolder(t), 'run'));
  t.regex(result.stderr, /no run to resume[^\n]*\n\s+at /);
});

test('a misspelt option is told before one that is missing', async (t) => {
  const { code, stderr } = await runCli('train', '--modle', 'wrn-10-1');
  t.is(code, 2);
  t.regex(stderr, /unknown option '--modle' \(Did you mean --model\?\)/);
});
