import { mkdirSync, rmSync } from 'node:fs';
import { Draw } from './draw.js';
import { judge } from './judge.js';
import { kinds } from './kinds.js';

// node worker.js KIND FOLDER CORPUS…: runs the cases that the parent names, one at a time, each in FOLDER, emptied before.
const [name, folder, ...corpus] = process.argv.slice(2) as [string, string, ...string[]];
const kind = kinds.find((each) => each.name === name)!;

process.on('message', async ({ seed }: { seed: string }) => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const outcome = await kind.run({ draw: new Draw(seed), folder, corpus }).catch(judge);
  process.send!(outcome);
});
process.on('disconnect', () => process.exit());
