import { mkdtempSync, rmSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { sealedJson } from '../../../src/formats/digest.js';
import { compare } from '../../../src/run/compare.js';
import { train } from '../../../src/run/train.js';
import type { TrainSettings } from '../../../src/settings/schema.js';
import { measureSharpness } from '../../../src/study/measure-sharpness.js';
import { temporaryFolder } from '../../e2e/run-cli.js';

const settings: Partial<TrainSettings> = {
  model: 'mlp',
  data: 'digits',
  batch: 32,
  trainSamples: 64,
  testSamples: 32,
  epochs: 1,
};
const execution = { threads: 1, workers: 0 };
const resume = (out: string) => train({}, { ...execution, out, resume: true });

const whole = mkdtempSync(join(tmpdir(), 'flatmin-saved-'));
test.before(async () => {
  await train(settings, { ...execution, out: whole });
});
test.after.always(() => rmSync(whole, { recursive: true, force: true }));

type Content = Record<string, unknown>;

/** A copy of the whole run with another file than was written. */
async function changed(
  t: Parameters<typeof temporaryFolder>[0],
  file: string,
  change: (content: Content) => void,
): Promise<string> {
  const out = join(temporaryFolder(t), 'run');
  await cp(whole, out, { recursive: true });
  const content = JSON.parse(await readFile(join(out, file), 'utf8')) as Content;
  change(content);
  await writeFile(join(out, file), sealedJson(content));
  return out;
}

const refused = (message: RegExp) => ({ code: 'INVALID_DATA', message });

test('a setting of another type in config.json is refused by the file and its name', async (t) => {
  const out = await changed(t, 'config.json', (config) => {
    config.batch = 'many';
  });
  const says = refused(/config\.json: Expected batch to be a positive integer, but received "many"/);
  await t.throwsAsync(resume(out), says);
  await t.throwsAsync(measureSharpness({ run: out, rho: 0.05, measures: ['ascent'] }), says);
});

test('what says how a run was executed is checked too', async (t) => {
  const out = await changed(t, 'config.json', (config) => {
    (config.execution as Content).threads = 'two';
  });
  const says = refused(/config\.json: expected "execution.threads" to be an integer ≥ 0, but found "two"/);
  await t.throwsAsync(resume(out), says);
});

test('the settings of a comparison are checked as those of each of its runs', async (t) => {
  const out = temporaryFolder(t);
  const of = async (config: object) => {
    await writeFile(join(out, 'config.json'), JSON.stringify(config));
    return compare(undefined, {}, { ...execution, out, resume: true });
  };
  const radius = { compare: ['sgd', 'sam'], settings: { ...settings, rho: 'large' } };
  await t.throwsAsync(
    of(radius),
    refused(/config\.json: Expected rho to be a number ≥ 0, but received "large"/),
  );
  const names = { compare: 'sgd', settings };
  await t.throwsAsync(of(names), refused(/config\.json: expected "compare" to be a list of names/));
});

test('a figure of another type in summary.json is refused by the file and its name', async (t) => {
  const out = await changed(t, 'summary.json', (summary) => {
    (summary.normalization as Content).mean = ['high'];
  });
  const says = refused(/summary\.json: expected "normalization.mean.0" to be a number, but found "high"/);
  await t.throwsAsync(resume(out), says);
});

test('a loss that is not finite is read as it was', async (t) => {
  const out = await changed(t, 'summary.json', (summary) => {
    summary.trainLoss = null;
  });
  t.is((await resume(out)).trainLoss, Number.NaN);
});
