import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { prebuilt } from '../../src/addon/load.js';
import { packPackage } from '../package/pack.js';
import { compile } from './compile.js';
import { findings, neededGlibc, readFacts } from './facts.js';
import { type Trial, tryLoading } from './loading.js';
import { recipe } from './recipe.js';
import { runner } from './runners.js';
import { LARGEST, targets } from './targets.js';
import { tryTests } from './testing.js';
import { installTools, nodeApi } from './tools.js';

/**
 * Builds the addon for every platform, looks into each, loads and tests those that run here, and packs the package:
 * node dist/scripts/prebuild/main.js [PLATFORM...]. For Linux on x64 with Python 3; run from the repository root.
 * Ends with code 1, and packs nothing, where a binary is not as it should be.
 */
const folder = resolve('build/prebuild');
mkdirSync(folder, { recursive: true });
const tools = installTools(folder);
const made = recipe(resolve('native'));
const named = process.argv.slice(2);
const all = targets(made.macos);
const unknown = named.filter((name) => !all.some(({ platform }) => platform === name));
if (unknown.length > 0)
  throw new Error(`no platform ${unknown.join(', ')}: ${all.map(({ platform }) => platform).join(', ')}`);
const wanted = all.filter(({ platform }) => named.length === 0 || named.includes(platform));

for (const target of wanted) {
  const start = performance.now();
  await compile(target, made, tools, join(folder, target.platform), prebuilt(target.platform));
  console.log(`${target.platform}: built in ${((performance.now() - start) / 1000).toFixed(0)} s`);
}

function tried(platform: string, file: string): readonly Trial[] {
  const here = runner(platform, folder);
  if (!here) return [{ failed: false, told: 'not loaded: nothing here runs it' }];
  const loading = tryLoading(file, here, folder);
  return loading.failed || !here.tests ? [loading] : [loading, tryTests(platform, here, folder)];
}

const files = wanted.map(({ platform }) => prebuilt(platform));
const facts = readFacts(tools.python, files);
const napi = nodeApi(Number(/NAPI_VERSION=(\d+)/.exec(made.flags.join(' '))?.[1]));
const faults: string[] = [];
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;
for (const target of wanted) {
  const file = prebuilt(target.platform);
  const found = facts[file]!;
  faults.push(...findings(target.platform, found, napi));
  const { size } = statSync(file);
  if (size > LARGEST) faults.push(`${target.platform}: ${size} bytes, more than ${LARGEST}`);
  const trials = tried(target.platform, file);
  for (const { failed, told } of trials) if (failed) faults.push(`${target.platform}: ${told}`);
  const glibc = neededGlibc(found);
  console.log(
    `${target.platform}: ${megabytes(size)}, compressed ${megabytes(gzipSync(readFileSync(file), { level: 9 }).length)}; ` +
      `${glibc ? `glibc ${glibc}; ` : ''}${found.libraries.join(', ')}; ${trials.map(({ told }) => told).join(', ')}`,
  );
}
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
else console.log(packPackage(folder));
