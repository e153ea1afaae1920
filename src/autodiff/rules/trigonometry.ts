import type { Rule } from '../rule.js';
import { derivative } from './arithmetic.js';

export const trigonometry: Record<string, Rule> = {
  Sin: derivative((m, x) => m.cos(x)),
  Cos: derivative((m, x) => m.neg(m.sin(x))),
  Tan: derivative((m, _, y) => m.add(1, m.square(y))),
  Asin: derivative((m, x) => m.div(1, m.sqrt(m.sub(1, m.square(x))))),
  Acos: derivative((m, x) => m.div(-1, m.sqrt(m.sub(1, m.square(x))))),
  Atan: derivative((m, x) => m.div(1, m.add(1, m.square(x)))),
  Sinh: derivative((_, x, __, c) => c.op('Cosh', [x])),
  Cosh: derivative((_, x, __, c) => c.op('Sinh', [x])),
  Asinh: derivative((m, x) => m.div(1, m.sqrt(m.add(1, m.square(x))))),
  Acosh: derivative((m, x) => m.div(1, m.sqrt(m.mul(m.sub(x, 1), m.add(x, 1))))),
  Atanh: derivative((m, x) => m.div(1, m.sub(1, m.square(x)))),
};
