import { Arithmetic } from '../../onnx/arithmetic.js';
import type { Rule, RuleContext } from '../rule.js';

/** Elementwise expressions among a rule's values. Default type of their numbers: that of the node's first input. */
export const arithmetic = (c: RuleContext, type = c.type(c.input(0)).type): Arithmetic =>
  new Arithmetic(c.builder, type);

/** The rule dx = dy·y′ of a function of one value, given its derivative y′ from x and y. */
export const derivative =
  (slope: (m: Arithmetic, x: string, y: string, c: RuleContext) => string): Rule =>
  (c) => [c.op('Mul', [c.dy, slope(arithmetic(c), c.input(0), c.output(), c)])];

/** The rule of a function that is the identity, or flat, by stretches: dx = dy where the condition holds, else 0. */
export const passing =
  (condition: (m: Arithmetic, x: string, c: RuleContext) => string): Rule =>
  (c) => {
    const m = arithmetic(c);
    return [m.where(condition(m, c.input(0), c), c.dy, 0)];
  };
