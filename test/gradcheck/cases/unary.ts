import { DataType } from '../../../src/onnx/tensors/tensor.js';
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

const toDouble: GradientCase = {
  name: 'Cast to double and back',
  inputs: { x: wrt([2, 3]) },
  build: (builder) => {
    const wide = builder.op('Cast', ['x'], { to: DataType.double });
    return builder.op('Cast', [builder.op('Mul', [wide, wide])], { to: DataType.float });
  },
};

const throughIntegers: GradientCase = {
  name: 'Cast to integers stops the gradient',
  inputs: { x: wrt([3], [0.4, 1.6, -2.3]) },
  build: (builder) => {
    const whole = builder.op('Cast', ['x'], { to: DataType.int64 });
    return builder.op('Mul', ['x', builder.op('Cast', [whole], { to: DataType.float })]);
  },
};

export const unaryCases: GradientCase[] = [
  toDouble,
  throughIntegers,
  single('Dropout of inference', 'Dropout', { x: wrt([2, 3]) }),
  ...functions.flatMap(([opType, values]) => [
    single(`${opType} of a tensor`, opType, { x: wrt([2, 3, 4], values) }),
    single(`${opType} of a scalar`, opType, { x: wrt([], values) }),
    single(`${opType} of nothing`, opType, { x: wrt([0, 3], values) }),
  ]),
];
