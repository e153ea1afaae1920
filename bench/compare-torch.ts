/**
 * flatmin against PyTorch on this machine: the cases behind README's table, each by `flatmin bench step --compare torch`.
 *
 *     node dist/bench/compare-torch.js [--python python3] [--rounds 3] [--steps 5] [--threads 2] [--device cpu] [--precision fp32]
 *         [--case wrn-28-10:16:sam] … [--json]
 *
 * Printed are medians over all timed steps of all rounds, the ratio PyTorch's best ÷ flatmin (above 1: flatmin is faster) and peak memory.
 */
import { parseArgs } from 'node:util';
import { comparisonTable } from '../src/cli/commands/bench/step-text.js';
import { compareTorch } from '../src/index.js';

const { values } = parseArgs({
  options: {
    python: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '5' },
    threads: { type: 'string' },
    device: { type: 'string', default: 'cpu' },
    precision: { type: 'string', default: 'fp32' },
    case: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
  },
});
const cases =
  values.case ?? ['sgd', 'sam', 'rand-sam'].flatMap((o) => [`wrn-28-10:16:${o}`, `wrn-16-4:64:${o}`]);

const results: Record<string, unknown>[] = [];
for (const name of cases) {
  const [model, batch, optimizer] = name.split(':') as [string, string, 'sgd' | 'sam' | 'rand-sam'];
  const precision = values.precision as 'fp32' | 'tf32' | 'fp16';
  const comparison = await compareTorch(
    { model, batch: Number(batch), optimizer, precision, nesterov: true },
    {
      rounds: Number(values.rounds),
      steps: Number(values.steps),
      device: values.device,
      ...(values.threads !== undefined && { threads: Number(values.threads) }),
      ...(values.python !== undefined && { python: values.python }),
    },
  );
  results.push({ case: name, ...comparison });
  if (!values.json) console.log(`${name}\n${comparisonTable(comparison)}\n`);
}
if (values.json) console.log(JSON.stringify(results));
