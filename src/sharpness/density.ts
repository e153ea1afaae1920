import { option } from '../options/option.js';
import { count } from '../options/values.js';
import { byDifferences, figure, measureKind, seed as seedOption } from './declare.js';
import type { Hessian, ProductsUsed } from './hessian.js';
import { Lanczos } from './lanczos.js';
import { randomStream } from './random-streams.js';

export interface DensityOptions {
  /** Random directions. */
  draws: number;
  /** Lanczos steps from each. */
  steps: number;
  seed: number;
}

/** What `density` finds. */
export interface DensityResult extends ProductsUsed {
  /** Eigenvalues of the tridiagonal matrices of all draws, in ascending order. */
  nodes: number[];
  /** Share of the spectrum at each node; they sum to 1. */
  weights: number[];
  /** The density on a grid of eigenvalues: each node smoothed by a normal density; its integral is 1. */
  curve: { eigenvalue: number[]; density: number[] };
  /** Standard deviation of the smoothing. */
  smoothing: number;
  /** Random directions. */
  draws: number;
  /** Lanczos steps from each, at most. */
  steps: number;
}

const GRID = 400;
/** Of the range of the nodes. */
const SMOOTHING_SHARE = 0.01;
/** Standard deviations beyond the outermost nodes. */
const MARGIN = 4;

/**
 * Density of the Hessian's eigenvalues by stochastic Lanczos quadrature (Ghorbani, Krishnan and Xiao 2019, Algorithm 2): from random
 * directions, the nodes are the eigenvalues θ of the tridiagonal matrix, and their weights the squared first components of its
 * eigenvectors. Σ weight·θᵏ estimates tr Hᵏ / n. A Hessian-vector product a step; where they are differences three more, whose error is
 * that of the node that is largest in the first draw.
 */
export async function density(
  hessian: Hessian,
  { draws, steps, seed }: DensityOptions,
): Promise<DensityResult> {
  const found: { node: number; weight: number }[] = [];
  let [largest, error] = [0, 0];
  for (let draw = 0; draw < draws; draw++) {
    const lanczos = new Lanczos(hessian);
    try {
      const stream = randomStream('density', draw);
      const { values, vectors } = await lanczos.run({ steps, seed, stream, restart: false });
      if (draw === 0) {
        const outer = Math.abs(values[0]!) < Math.abs(values.at(-1)!) ? values.length - 1 : 0;
        largest = values[outer]!;
        error = await errorOf(hessian, lanczos, vectors[outer]!);
      }
      values.forEach((node, i) => {
        found.push({ node, weight: vectors[i]![0]! ** 2 / draws });
      });
    } finally {
      lanczos.dispose();
    }
  }
  found.sort((a, b) => a.node - b.node);
  const nodes = found.map(({ node }) => node);
  const weights = found.map(({ weight }) => weight);
  return { nodes, weights, ...smooth(nodes, weights), draws, steps, ...hessian.usedFor(largest, error) };
}

/** What differences are off by at the Ritz vector of given components. */
async function errorOf(hessian: Hessian, lanczos: Lanczos, components: readonly number[]): Promise<number> {
  if (hessian.used.products === 'exact') return 0;
  const { arena, device } = hessian.space;
  const [v, product, spare] = [arena.vector(device), arena.vector(device), arena.vector(device)];
  try {
    await lanczos.combine(components, v);
    await hessian.times(v, product);
    return await hessian.differenceError(v, product, spare);
  } finally {
    for (const vector of [v, product, spare]) vector.dispose();
  }
}

function smooth(
  nodes: readonly number[],
  weights: readonly number[],
): Pick<DensityResult, 'curve' | 'smoothing'> {
  const [low, high] = [nodes[0]!, nodes.at(-1)!];
  const smoothing = SMOOTHING_SHARE * (high - low || Math.abs(high) || 1);
  const [from, to] = [low - MARGIN * smoothing, high + MARGIN * smoothing];
  const eigenvalue = Array.from({ length: GRID }, (_, i) => from + ((to - from) * i) / (GRID - 1));
  const density = eigenvalue.map(
    (at) =>
      nodes.reduce((sum, node, i) => sum + weights[i]! * normalDensity((at - node) / smoothing), 0) /
      smoothing,
  );
  return { curve: { eigenvalue, density }, smoothing };
}

const normalDensity = (x: number): number => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);

export const densityMeasure = measureKind({
  name: 'density',
  options: {
    seed: seedOption,
    densityDraws: option(count, { symbol: 'n', help: 'random directions of density', default: 3 }),
    lanczosSteps: option(count, { symbol: 'n', help: 'Lanczos steps in each draw', default: 30 }),
  },
  run: ({ hessian }, { densityDraws: draws, lanczosSteps: steps, seed }) =>
    density(hessian, { draws, steps, seed }),
  value: ({ nodes }) => `${figure(nodes[0]!)} … ${figure(nodes.at(-1)!)}`,
  how: ({ draws, steps, differenceError }) =>
    `${draws} draws of ${steps} Lanczos steps${byDifferences({ differenceError })}; the curve is in --json`,
});
