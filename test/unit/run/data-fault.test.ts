import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { Source } from '../../../src/data/index.js';
import { mlp } from '../../../src/models/mlp.js';
import { writeModel } from '../../../src/onnx/model.js';
import { train } from '../../../src/run/train.js';
import type { Finding } from '../../../src/run/verify/finding.js';
import { verify } from '../../../src/run/verify/verify.js';
import type { TrainSettings } from '../../../src/settings/schema.js';
import { temporaryFolder } from '../../e2e/run-cli.js';
import type { Faulty } from './faulty-maker.js';

const faulty = new URL('./faulty-maker.js', import.meta.url).href;

const pointsOf = (flag: string, damaged: { train: number; test: number }): Source => {
  const part = (size: number, at: number) => ({
    size,
    recipe: (): Faulty => ({ maker: faulty, flag, damaged: at }),
  });
  const made: Source = {
    name: 'points',
    inputs: [{ name: 'x', type: 'float', dims: [2] }],
    targets: [{ name: 'labels', type: 'int64', dims: [], classes: { count: 2, names: ['0', '1'] } }],
    train: part(60, damaged.train),
    test: part(20, damaged.test),
    notes: [],
    take: () => made,
  };
  return made;
};

const cases = {
  'of an epoch that is under way': { damaged: { train: 40, test: -1 }, given: {} },
  'of a step of several batches': { damaged: { train: 40, test: -1 }, given: { accumulate: 2 } },
  'of the test part': { damaged: { train: -1, test: 7 }, given: {} },
  'of the test part of a run with an average': { damaged: { train: -1, test: 7 }, given: { ema: 0.8 } },
};

for (const [what, { damaged, given }] of Object.entries(cases))
  for (const workers of [0, 1])
    test.serial(
      `a sample ${what} that cannot be read ends with a whole checkpoint, ${workers} workers`,
      async (t) => {
        const folder = temporaryFolder(t);
        const flag = join(folder, 'flag');
        const model = join(folder, 'model.onnx');
        await writeModel(mlp({ inputShape: [2], hidden: [4], classes: 2 }), model);
        const settings: Partial<TrainSettings> = {
          model,
          data: 'points',
          batch: 5,
          epochs: 2,
          lr: 0.1,
          ...given,
        };
        const dataset = pointsOf(flag, damaged);
        const [whole, stopped] = [join(folder, 'whole'), join(folder, 'stopped')];
        await train(settings, { out: whole, dataset, threads: 1, workers });

        writeFileSync(flag, '');
        const row = Math.max(damaged.train, damaged.test);
        const fault = {
          code: 'INVALID_DATA',
          message: new RegExp(
            `^points.txt, row ${row} cannot be read\\. A checkpoint of step \\d+ is written: --resume`,
          ),
        };
        await t.throwsAsync(train(settings, { out: stopped, dataset, threads: 1, workers }), fault);
        const findings: Finding[] = [];
        for await (const found of verify(stopped)) findings.push(found);
        t.true(findings.some(({ path }) => path.endsWith('checkpoint.safetensors')));
        t.true(findings.every(({ state }) => state === 'whole'));
        await t.throwsAsync(train({}, { out: stopped, dataset, threads: 1, workers, resume: true }), fault);

        rmSync(flag);
        await train({}, { out: stopped, dataset, threads: 1, workers, resume: true });
        for (const file of ['metrics.jsonl', 'model.onnx'])
          t.deepEqual(readFileSync(join(stopped, file)), readFileSync(join(whole, file)), file);
      },
    );
