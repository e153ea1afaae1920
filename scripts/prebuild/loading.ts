import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as tar from 'tar';
import type { Target } from './targets.js';

export interface Loading {
  readonly failed: boolean;
  /** "loads in Node v24.1.0 …", or why that was not tried. */
  readonly told: string;
}

/** Loads an addon in a Node of its platform, where the machine runs one: itself, or under an emulator. */
export function tryLoading(target: Target, file: string, folder: string): Loading {
  const runner =
    target.platform === `${process.platform}-${process.arch}` ? [process.execPath] : emulated(target, folder);
  if (!runner) return { failed: false, told: 'not loaded: nothing here runs it' };
  const script = `const m = require(${JSON.stringify(resolve(file))}); console.log(process.version, m.createSession ? 'whole' : 'not whole')`;
  const [command, ...args] = runner as [string, ...string[]];
  const { status, stdout, stderr } = spawnSync(command, [...args, '-e', script], { encoding: 'utf8' });
  const how = runner.length > 1 ? ` under ${command}` : '';
  return status === 0 && stdout.includes(' whole')
    ? { failed: false, told: `loads in Node ${stdout.split(' ')[0]}${how}` }
    : { failed: true, told: `does not load${how}: ${stdout}${stderr}` };
}

/** A Node of another platform, out of npm's packages, and what runs it; undefined where that is not there. */
function emulated({ platform, emulator }: Target, folder: string): readonly string[] | undefined {
  if (!emulator || !existsSync(emulator.libraries)) return undefined;
  if (spawnSync(emulator.command[0]!, ['--version']).status !== 0) return undefined;
  const home = join(folder, `node-${platform}`);
  const node = join(home, 'bin/node');
  if (!existsSync(node)) {
    mkdirSync(home, { recursive: true });
    const pack = ['pack', `node-${platform}@24`, '--json', '--pack-destination', home];
    const [{ filename }] = JSON.parse(execFileSync('npm', pack, { encoding: 'utf8' })) as [
      { filename: string },
    ];
    tar.extract({ file: join(home, filename), cwd: home, strip: 1, sync: true });
  }
  return [...emulator.command, node];
}
