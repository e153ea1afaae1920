import { option } from '../options/option.js';
import { count } from '../options/values.js';
import { assign, dot, vector } from '../vectors/program/expression.js';
import { program } from '../vectors/program/program.js';
import { measureKind, seed as seedOption, withError } from './declare.js';
import type { Hessian, ProductsUsed } from './hessian.js';
import { randomStream } from './random-streams.js';
import { meanOf } from './statistics.js';

/** What `trace` finds. */
export interface TraceResult extends ProductsUsed {
  /** Mean of vᵀHv. */
  value: number;
  /** Of the mean over the draws. */
  standardError: number;
  /** Random directions. */
  draws: number;
}

const [v, h] = [vector('v'), vector('h')];
const signs = program(assign(v, v.sign));
const overlap = program(dot(v, h));

/** tr ∇²L(w) = E[vᵀHv], v of independent ±1 (Hutchinson 1990): the mean over draws. A Hessian-vector product a draw. */
export async function trace(hessian: Hessian, draws: number, seed: number): Promise<TraceResult> {
  const { space } = hessian;
  const vectors = { v: space.arena.vector(space.device), h: space.arena.vector(space.device) };
  try {
    const values: number[] = [];
    for (let draw = 0; draw < draws; draw++) {
      await space.fillNormal(vectors.v, seed, randomStream('trace', draw));
      await space.run(signs, vectors);
      await hessian.times(vectors.v, vectors.h);
      values.push((await space.sums(overlap, vectors))[0]!);
    }
    const { mean, standardError } = meanOf(values);
    return { value: mean, standardError, draws, ...hessian.used };
  } finally {
    for (const vector of Object.values(vectors)) vector.dispose();
  }
}

export const traceMeasure = measureKind({
  name: 'trace',
  options: {
    seed: seedOption,
    traceDraws: option(count, { symbol: 'n', help: 'random directions of trace', default: 20 }),
  },
  run: ({ hessian }, { traceDraws, seed }) => trace(hessian, traceDraws, seed),
  value: withError,
  how: ({ draws }) => `${draws} draws`,
});
