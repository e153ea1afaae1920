/**
 * What digests cost of a checkpoint of WRN-28-10 with momentum (292 MB), and what syncing the file does: writes that alternate in one
 * process.
 *
 *     node dist/bench/checkpoint.js [ROUNDS [FOLDER]]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { median } from '../src/bench/statistics.js';
import { writeSafetensors } from '../src/formats/safetensors.js';
import { crossEntropy, SGD, TrainingSession, wideResNet } from '../src/index.js';
import { checkpointTensors } from '../src/run/checkpoint/file.js';

const [rounds = '25', parent = '.'] = process.argv.slice(2);
const session = await TrainingSession.create(wideResNet({ depth: 28, width: 10 }), {
  loss: crossEntropy(),
  batch: 1,
});
const optimizer = new SGD({ lr: 0.1, momentum: 0.9 });
const folder = await mkdtemp(join(parent, 'flatmin-bench-'));
const measured = { without: [] as [number, number][], with: [] as [number, number][] };
for (let round = -1; round < Number(rounds); round++) {
  for (const kind of ['without', 'with'] as const) {
    const [start, before] = [performance.now(), process.cpuUsage()];
    const tensors = checkpointTensors(session, optimizer);
    await writeSafetensors(join(folder, 'a.safetensors'), tensors, {}, { digests: kind === 'with' });
    const { user, system } = process.cpuUsage(before);
    if (round >= 0) measured[kind].push([performance.now() - start, (user + system) / 1e3]);
  }
}
await rm(folder, { recursive: true });
session.dispose();
for (const [index, what] of ['wall clock', 'processor'].entries()) {
  const [without, withDigests] = [measured.without, measured.with].map((all) =>
    all.map((each) => each[index]!),
  );
  const ratios = withDigests!.map((each, round) => each / without![round]!);
  console.log(
    `${what}: ${median(without!).toFixed(0)} ms without digests, ${median(withDigests!).toFixed(0)} ms with; median of ratios ${median(ratios).toFixed(3)}`,
  );
}
