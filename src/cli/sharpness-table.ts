import Table from 'cli-table3';
import type { ProductsUsed } from '../sharpness/hessian.js';
import type { SharpnessReport } from '../sharpness/measure.js';
import type { ModelSharpnessReport } from '../study/measure-sharpness.js';

type Measures = SharpnessReport['measures'];

const figure = (value: number): string => value.toPrecision(4);
const withError = ({ value, standardError }: { value: number; standardError: number }): string =>
  `${figure(value)} ± ${figure(standardError)}`;

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
    `${cost.seconds.toFixed(1)} s, of which ${cost.sessionSeconds.toFixed(1)} s in gradients and losses, ${cost.loadingSeconds.toFixed(1)} s loading`,
  ].join('\n');
}

const productsLine = ({ products, refusal }: ProductsUsed): string =>
  products === 'exact'
    ? 'Hessian-vector products: exact'
    : `Hessian-vector products: differences of gradients${refusal === undefined ? '' : `, since ${refusal}`}`;

function rows(measures: Measures): [string, string, string][] {
  const result: [string, string, string][] = [];
  const add = <T>(
    name: string,
    found: T | undefined,
    value: (found: T) => string,
    how: (found: T) => string,
  ) => {
    if (found !== undefined) result.push([name, value(found), how(found)]);
  };
  for (const prefix of ['', 'adaptive-'] as const) {
    add(
      `${prefix}ascent`,
      measures[`${prefix}ascent`],
      ({ value }) => figure(value),
      () => '1 step',
    );
    add(
      `${prefix}ascent-n`,
      measures[`${prefix}ascent-n`],
      ({ value }) => figure(value),
      ({ steps }) => `${steps} steps`,
    );
    add(`${prefix}average`, measures[`${prefix}average`], withError, ({ draws }) => `${draws} draws`);
    add(
      `${prefix}worst`,
      measures[`${prefix}worst`],
      ({ value }) => figure(value),
      ({ steps, restarts }) => `up to ${steps} steps, ${restarts} random starts`,
    );
  }
  add(
    'm-sharpness',
    measures['m-sharpness'],
    ({ value }) => figure(value),
    ({ m, batches }) => `${batches} batches of ${m}`,
  );
  add('trace', measures.trace, withError, ({ draws }) => `${draws} draws`);
  add(
    'eigenvalues',
    measures.eigenvalues,
    ({ values }) => values.map(figure).join('\n'),
    ({ residuals, steps, differenceError }) =>
      `${residuals.map((error) => `± ${figure(error)}`).join('\n')}\n${steps} Lanczos steps${differenceError === undefined ? '' : `; half the difference step moves the first by ${figure(differenceError)}`}`,
  );
  add(
    'density',
    measures.density,
    ({ nodes }) => `${figure(nodes[0]!)} … ${figure(nodes.at(-1)!)}`,
    ({ draws, steps }) => `${draws} draws of ${steps} Lanczos steps; the curve is in --json`,
  );
  return result;
}
