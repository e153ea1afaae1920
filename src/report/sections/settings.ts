import { type Html, html } from '../html/html.js';
import { table } from '../html/table.js';
import { isObject, type Json, textOf } from '../read/json.js';
import type { Run } from '../read/run.js';

/** Rows of [key, value] of settings; nested keys are joined with dots. */
export function settingRows(settings: Json, prefix = ''): string[][] {
  return Object.entries(settings).flatMap(([key, value]) =>
    isObject(value) && Object.keys(value).length > 0
      ? settingRows(value, `${prefix}${key}.`)
      : [[`${prefix}${key}`, textOf(value)]],
  );
}

/** Settings and versions of the runs: those all share once, those that differ side by side. */
export function settingsSection(runs: readonly Run[], version: string): Html {
  const all = runs.map(
    ({ config }) => new Map(settingRows(config ?? {}).map(([key, value]) => [key!, value!])),
  );
  const keys = [...new Set(all.flatMap((settings) => [...settings.keys()]))];
  const values = (key: string) => all.map((settings) => settings.get(key) ?? '–');
  const isShared = (key: string) => new Set(values(key)).size === 1;
  const shared = keys.filter(isShared);
  const differing = keys.filter((key) => !isShared(key));
  return html`<h2>To reproduce it</h2>
${
  differing.length > 0
    ? table({
        caption: 'Settings that differ',
        head: ['setting', ...runs.map(({ name }) => name)],
        rows: differing.map((key) => [key, ...values(key)]),
      })
    : undefined
}
${
  shared.length > 0
    ? table({
        caption: `Settings${runs.length > 1 ? ' of all runs' : ''}; “execution” says on what they ran`,
        head: ['setting', 'value'],
        labels: 2,
        rows: shared.map((key) => [key, values(key)[0]!]),
      })
    : undefined
}
${keys.length === 0 ? html`<p class="note">There is no config.json: the settings are not known.</p>` : undefined}
<p class="about">Report made by flatmin ${version}.</p>`;
}
