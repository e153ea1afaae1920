import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import test from 'ava';
import { temporaryFolder } from '../../e2e/run-cli.js';

test('a process that runs a graph leaves no telemetry behind', (t) => {
  const folder = temporaryFolder(t);
  const code = `
    import { openRuntime } from ${JSON.stringify(new URL('../../../src/ort/library.js', import.meta.url).href)};
    import { mlp } from ${JSON.stringify(new URL('../../../src/models/mlp.js', import.meta.url).href)};
    import { Session } from ${JSON.stringify(new URL('../../../src/ort/session.js', import.meta.url).href)};
    await Session.create(openRuntime('stock'), mlp({ inputShape: [2, 2, 2], hidden: [4], classes: 2 }));
  `;
  const { ORT_DISABLE_TELEMETRY: _, ...env } = process.env;
  execFileSync(process.execPath, ['--input-type=module', '--eval', code], {
    env: { ...env, TMPDIR: folder },
  });
  t.deepEqual(readdirSync(folder), []);
});
