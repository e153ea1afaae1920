import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { builtinExperiments } from '../../../src/experiment/builtin/index.js';
import { openExperiment } from '../../../src/experiment/open.js';
import { planExperiment } from '../../../src/experiment/plan.js';
import { checkExperiment } from '../../../src/experiment/schema.js';
import { temporaryFolder } from '../../e2e/run-cli.js';
import { experiment } from './documents.js';

/** The experiment with one place changed. */
function changed(path: readonly (string | number)[], value: unknown): unknown {
  const copy = structuredClone(experiment) as unknown as Record<string, unknown>;
  const last = path.at(-1)!;
  const parent = path
    .slice(0, -1)
    .reduce((at, key) => at[key] as Record<string, unknown>, copy as Record<string | number, unknown>);
  parent[last] = value;
  return copy;
}

const bad: [path: (string | number)[], value: unknown, says: RegExp][] = [
  [['name'], 'a b', /Expected name to be a name .* received "a b"/],
  [['title'], undefined, /"title" is not given: it is a text/],
  [['colums'], [], /There is no key "colums" in an experiment/],
  [['columns'], [], /Expected columns to be a list of columns/],
  [['columns', 0, 'metric'], 'speed', /columns\.0\.metric .*generalizationGap.*"speed"/],
  [['columns', 0, 'digits'], 13, /columns\.0\.digits .*0 to 12.*13/],
  [['columns', 0, 'factor'], 0, /columns\.0\.factor .*other than 0/],
  [['variants', 1, 'name'], 'sgd', /variants .*all different.*"sgd"/],
  [['variants', 0, 'name'], '../x', /variants\.0\.name .*"\.\.\/x"/],
  [['variants', 0, 'setings'], {}, /no key "setings" in "variants\.0"/],
  [['variants', 1, 'paper', 'cifar10', 'accuracy', 'std'], 'about 1', /std .*"<0\.1".*"about 1"/],
  [['variants'], undefined, /"variants" is not given.*scales\.tiny/],
  [['scales'], {}, /scales .*at least one scale/],
  [['scales', 'tiny', 'seeds'], [1, -1], /scales\.tiny\.seeds\.1 .*integer ≥ 0.*-1/],
  [['scales', 'tiny', 'seeds'], [1, 1], /scales\.tiny\.seeds .*all different/],
  [['scales', 'tiny', 'data'], 'digits', /scales\.tiny\.data .*a list of data sets.*"digits"/],
  [['scales', 'A/B'], {}, /the key of scales\.A\/B .*"A\/B"/],
  [['settings'], 3, /Expected settings to be an object of settings/],
];

for (const [path, value, says] of bad) {
  test(`${path.join('.')}: ${JSON.stringify(value)} is refused by its name`, (t) => {
    t.throws(() => checkExperiment(changed(path, value)), { code: 'INVALID_ARGUMENT', message: says });
  });
}

test('what is no object is refused', (t) => {
  for (const document of [null, [], 'table2'])
    t.throws(() => checkExperiment(document), { code: 'INVALID_ARGUMENT', message: /the experiment/ });
});

test('every built-in experiment can be planned at each of its scales, and written as JSON', (t) => {
  for (const document of builtinExperiments) {
    const checked = checkExperiment(JSON.parse(JSON.stringify(document)));
    t.deepEqual(Object.keys(checked.scales), ['full', 'small', 'tiny']);
    for (const [scale, { data }] of Object.entries(checked.scales)) {
      const folders = Object.fromEntries(data.filter((set) => set !== 'digits').map((set) => [set, 'data']));
      const { jobs } = planExperiment(checked, { scale, data: folders });
      t.is(new Set(jobs.map(({ id }) => id)).size, jobs.length);
      const measured = (jobs[0]!.sharpness?.measures ?? []) as string[];
      for (const { metric } of checked.columns)
        t.true(!metric.startsWith('sharpness.') || measured.includes(metric.split('.')[1]!), metric);
    }
  }
});

test('the example in the documentation can be planned', async (t) => {
  const text = await readFile(new URL('../../../../docs/paper.md', import.meta.url), 'utf8');
  const checked = checkExperiment(JSON.parse(/```json\n([\s\S]*?)```/.exec(text)![1]!));
  for (const scale of Object.keys(checked.scales))
    t.true(
      planExperiment(checked, { scale, data: scale === 'full' ? { cifar10: 'data' } : {} }).jobs.length > 0,
    );
});

test('an experiment is opened by its name or its file', async (t) => {
  t.is((await openExperiment('table3')).name, 'table3');
  await t.throwsAsync(openExperiment('table4'), {
    message: /no experiment "table4": expected table2, table3/,
  });
  const path = join(temporaryFolder(t), 'mine.json');
  await t.throwsAsync(openExperiment(path), { code: 'NOT_FOUND', message: /mine\.json/ });
  await writeFile(path, JSON.stringify(experiment));
  t.is((await openExperiment(path)).title, 'Mine');
  await writeFile(path, '{');
  await t.throwsAsync(openExperiment(path), { code: 'INVALID_DATA', message: /mine\.json is not JSON/ });
  await writeFile(path, '{}');
  await t.throwsAsync(openExperiment(path), { message: /mine\.json: "name" is not given/ });
});
