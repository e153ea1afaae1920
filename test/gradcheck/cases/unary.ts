import { type GradientCase, single, type Values, wrt } from '../case.js';

const functions: readonly [opType: string, values: Values][] = [
  ['Relu', 'nonzero'],
  ['Neg', 'normal'],
  ['Exp', 'normal'],
  ['Log', 'positive'],
  ['Sqrt', 'positive'],
  ['Abs', 'nonzero'],
  ['Reciprocal', 'nonzero'],
  ['Sigmoid', 'normal'],
  ['Tanh', 'normal'],
  ['Identity', 'normal'],
];

export const unaryCases: GradientCase[] = functions.flatMap(([opType, values]) => [
  single(`${opType} of a tensor`, opType, { x: wrt([2, 3, 4], values) }),
  single(`${opType} of a scalar`, opType, { x: wrt([], values) }),
  single(`${opType} of nothing`, opType, { x: wrt([0, 3], values) }),
]);
