import Table from 'cli-table3';
import { figure } from '../sharpness/declare.js';
import type { ProductsUsed } from '../sharpness/hessian.js';
import { measureKinds } from '../sharpness/index.js';
import type { SharpnessReport } from '../sharpness/measure.js';
import type { ModelSharpnessReport } from '../study/measure-sharpness.js';

type Measures = SharpnessReport['measures'];

/** A report for people: what was measured, and a row for each measure. */
export function sharpnessTable(report: ModelSharpnessReport): string {
  const { rho, samples, samplesOf, data, batchNorm, loss, lossName, seed, measures, cost } = report;
  const table = new Table({
    head: ['measure', `value at ρ = ${rho}`, 'how'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'left'],
  });
  table.push(...rows(measures));
  const used = [measures.trace, measures.eigenvalues, measures.density].find((found) => found !== undefined);
  return [
    `${lossName} ${figure(loss)} over ${samples} of ${samplesOf} training samples of ${data}; BatchNorm: ${batchNorm} statistics; seed ${seed}`,
    table.toString(),
    ...(used ? [productsLine(used)] : []),
    ...warnings(measures),
    `${cost.seconds.toFixed(1)} s, of which ${cost.sessionSeconds.toFixed(1)} s in gradients and losses, ${cost.loadingSeconds.toFixed(1)} s loading`,
  ].join('\n');
}

const productsLine = ({ products, refusal }: ProductsUsed): string =>
  products === 'exact'
    ? 'Hessian-vector products: exact'
    : `Hessian-vector products: differences of gradients${refusal === undefined ? '' : `, since ${refusal}`}`;

const warnings = (measures: Measures): string[] =>
  Object.entries(measures).flatMap(([name, found]) =>
    'warning' in found && found.warning !== undefined ? [`Warning: ${name}: ${found.warning}`] : [],
  );

function rows(measures: Measures): [string, string, string][] {
  type Told = { name: keyof Measures; value(found: unknown): string; how(found: unknown): string };
  return (measureKinds as unknown as readonly Told[]).flatMap(
    ({ name, value, how }): [string, string, string][] => {
      const found = measures[name];
      return found === undefined ? [] : [[name, value(found), how(found)]];
    },
  );
}
