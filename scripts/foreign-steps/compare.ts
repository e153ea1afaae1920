import { readdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { apart, imageBatch, optimizers, readExport, readRecord, trainSteps } from './steps.js';

// Trains what record.py exported as PyTorch was trained, and says how far the losses are from each other:
// node dist/scripts/foreign-steps/compare.js FOLDER [NAME…]
const [folder, ...wanted] = process.argv.slice(2);
const at = pathToFileURL(`${folder}/`);
const names = readdirSync(at).flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -5)] : []));
for (const name of names.filter((each) => wanted.length === 0 || wanted.includes(each))) {
  const recorded = readRecord(at, name);
  for (const [form, exported] of Object.entries(recorded.forms)) {
    const { network } = exported;
    const reference = recorded.networks[network]!;
    const model = readExport(at, exported);
    for (const [kind, make] of Object.entries(optimizers)) {
      const expected = reference[kind as 'sgd' | 'sam'];
      const batches = expected.losses.map((_, step) => imageBatch(recorded.side, step));
      try {
        const { session, ...found } = await trainSteps(model, make(recorded.lr), batches);
        const { losses, moved } = apart(found, expected);
        const rounding = Math.max(...expected.rounding);
        const of = (which: string) => session.classified.filter((each) => each.kind === which).length;
        const counts = `${of('parameter')}/${reference.parameters} parameters, ${of('statistic')}/${reference.statistics} statistics`;
        const isSame = of('parameter') === reference.parameters && of('statistic') === reference.statistics;
        console.log(
          `${losses <= Math.max(1e-3, 3 * rounding) && isSame ? 'ok  ' : 'FAIL'} ${name} ${form} (${network}) ${kind}: losses ${losses.toExponential(1)}, distance ${moved.toExponential(1)} apart (PyTorch's float32: ${rounding.toExponential(1)}); ${counts}; loss ${found.losses[0]?.toFixed(4)} → ${found.losses.at(-1)?.toFixed(4)}`,
        );
        if (kind === 'sgd') for (const note of session.notes) console.log(`     ${note}`);
        session.dispose();
      } catch (error) {
        console.log(`FAIL ${name} ${form} ${kind}: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
}
