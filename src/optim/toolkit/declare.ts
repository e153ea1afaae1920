import type { z } from 'zod';
import { aboutOf, checkedValue, type Options } from '../../options/option.js';
import type { BaseOptimizer, Optimizer, Scheduled } from '../optimizer.js';

/** Values of settings as an optimizer is built from: of a schedule where a run has one. */
export type Built<S extends Options> = {
  readonly [K in keyof S]: K extends 'lr' | 'rho' ? Scheduled : z.output<S[K]>;
};

/** What the tables of the docs say in a line. */
interface Summary {
  /** The step, with g the gradient of all parameters as one vector, and its source. */
  readonly step: string;
  /** Gradients a step. */
  readonly gradients: string;
}

/** An optimizer that makes updates, by name: its settings in a run, and how it is made from them. */
export interface BaseDeclaration<N extends string = string, S extends Options = Options> extends Summary {
  readonly name: N;
  readonly wraps: false;
  readonly settings: S;
  build(settings: Built<S>): BaseOptimizer;
}

/** One that wraps a base optimizer, as SAM. */
export interface WrapperDeclaration<N extends string = string, S extends Options = Options> extends Summary {
  readonly name: N;
  readonly wraps: true;
  readonly settings: S;
  build(settings: Built<S>, base: BaseOptimizer): Optimizer;
}

export const baseOptimizer = <const N extends string, S extends Options>(
  declared: Omit<BaseDeclaration<N, S>, 'wraps'>,
): BaseDeclaration<N, S> => ({ ...declared, wraps: false });

export const wrapper = <const N extends string, S extends Options>(
  declared: Omit<WrapperDeclaration<N, S>, 'wraps'>,
): WrapperDeclaration<N, S> => ({ ...declared, wraps: true });

/**
 * A number in the option's range, or a schedule, which is taken as it is.
 * @throws FlatminError INVALID_ARGUMENT naming the option
 */
export function checkedSchedule(name: string, schema: z.ZodType, given: Scheduled | undefined): Scheduled {
  const value = given ?? (aboutOf(schema).default as Scheduled);
  return typeof value === 'function' ? value : (checkedValue(name, schema, value) as number);
}
