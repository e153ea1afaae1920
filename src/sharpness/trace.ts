import { option } from '../options/option.js';
import { count } from '../options/values.js';
import { assign, dot, vector } from '../vectors/program/expression.js';
import { program } from '../vectors/program/program.js';
import { byDifferences, figure, measureKind, seed as seedOption } from './declare.js';
import type { Hessian, ProductsUsed } from './hessian.js';
import { randomStream } from './random-streams.js';
import { meanOf } from './statistics.js';

/** What `trace` finds. */
export interface TraceResult extends ProductsUsed {
  /** Mean of vᵀHv. */
  value: number;
  /** Of the mean over the draws; `differenceError` is to be added to it. */
  standardError: number;
  /** Random directions. */
  draws: number;
}

const [v, h] = [vector('v'), vector('h')];
const signs = program(assign(v, v.sign));
const overlap = program(dot(v, h));

/** Standard errors of a mean of differences that count to its error: few draws meet most of the kinks. */
const DEVIATIONS = 2;

/**
 * tr ∇²L(w) = E[vᵀHv], v of independent ±1 (Hutchinson 1990): the mean over draws. A Hessian-vector product a draw; three where
 * products are differences, whose error is how the mean changes with a shorter step, |mean of vᵀ(H_t − H)v| and its own error twice.
 */
export async function trace(hessian: Hessian, draws: number, seed: number): Promise<TraceResult> {
  const { space } = hessian;
  const vectors = { v: space.arena.vector(space.device), h: space.arena.vector(space.device) };
  try {
    const values: number[] = [];
    const changes = new Map<number, number[]>();
    const form = async (step?: number) => {
      await hessian.times(vectors.v, vectors.h, step);
      return (await space.sums(overlap, vectors))[0]!;
    };
    for (let draw = 0; draw < draws; draw++) {
      await space.fillNormal(vectors.v, seed, randomStream('trace', draw));
      await space.run(signs, vectors);
      const value = await form();
      values.push(value);
      for (const step of hessian.shorterSteps)
        changes.set(step, [...(changes.get(step) ?? []), (await form(step)) - value]);
    }
    const { mean, standardError } = meanOf(values);
    const errors = [...changes.values()].map((each) => {
      const change = meanOf(each);
      return Math.abs(change.mean) + DEVIATIONS * change.standardError;
    });
    return { value: mean, standardError, draws, ...hessian.usedFor(mean, Math.max(0, ...errors)) };
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
  value: ({ value, standardError, differenceError = 0 }) =>
    `${figure(value)} ± ${figure(standardError + differenceError)}`,
  how: ({ draws, differenceError }) => `${draws} draws${byDifferences({ differenceError })}`,
});
