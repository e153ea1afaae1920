import { type Attributes, fixed, type GradientCase, labels, single, wrt } from '../case.js';

const classes = 4;
const reductions = ['mean', 'sum', 'none'];
const targets = labels([5], [0, 3, 1, 1, 2]);
const someIgnored = labels([5], [0, -1, 1, 3, -1]);
const pixels = labels([2, 2, 3], [0, 1, 2, 3, 0, 1, 3, 2, 1, 0, 3, 3]);
const somePixelsIgnored = labels([2, 2, 3], [0, 1, 2, 3, 2, 1, 3, 2, 1, 0, 2, 3]);
const classWeights = fixed([classes], 'positive');

const crossEntropy = (
  name: string,
  scores: readonly number[],
  y: typeof targets,
  attributes: Attributes,
  weighted = false,
) =>
  single(
    `SoftmaxCrossEntropyLoss ${name}`,
    'SoftmaxCrossEntropyLoss',
    { scores: wrt(scores), y, ...(weighted && { weights: classWeights }) },
    attributes,
  );

const likelihood = (...[name, x, y, attributes, weighted]: Parameters<typeof crossEntropy>) =>
  single(
    `NegativeLogLikelihoodLoss ${name}`,
    'NegativeLogLikelihoodLoss',
    { x: wrt(x), y, ...(weighted && { weights: classWeights }) },
    attributes,
  );

export const lossCases: GradientCase[] = [
  crossEntropy('by default', [5, classes], targets, {}),
  ...reductions.flatMap((reduction) => [
    crossEntropy(`${reduction}`, [5, classes], targets, { reduction }),
    crossEntropy(`${reduction}, weights`, [5, classes], targets, { reduction }, true),
    crossEntropy(`${reduction}, ignore_index`, [5, classes], someIgnored, { reduction, ignore_index: -1 }),
    crossEntropy(`${reduction}, ignore_index of a class`, [5, classes], targets, {
      reduction,
      ignore_index: 1,
    }),
    crossEntropy(
      `${reduction}, weights, ignore_index`,
      [5, classes],
      someIgnored,
      { reduction, ignore_index: -1 },
      true,
    ),
    crossEntropy(`${reduction} of pixels`, [2, classes, 2, 3], pixels, { reduction }),
    crossEntropy(
      `${reduction} of pixels, weights, ignore_index`,
      [2, classes, 2, 3],
      somePixelsIgnored,
      { reduction, ignore_index: 2 },
      true,
    ),
  ]),
  ...reductions.flatMap((reduction) => [
    likelihood(reduction, [5, classes], targets, { reduction }),
    likelihood(`${reduction}, weights`, [5, classes], targets, { reduction }, true),
    likelihood(`${reduction}, ignore_index`, [5, classes], someIgnored, { reduction, ignore_index: -1 }),
    likelihood(
      `${reduction} of pixels, weights, ignore_index`,
      [2, classes, 2, 3],
      somePixelsIgnored,
      { reduction, ignore_index: 2 },
      true,
    ),
  ]),
  likelihood('by default', [5, classes], targets, {}),
  {
    name: 'NegativeLogLikelihoodLoss of log probabilities',
    inputs: { scores: wrt([5, classes]), y: targets },
    build: (builder) =>
      builder.op('NegativeLogLikelihoodLoss', [builder.op('LogSoftmax', ['scores'], { axis: 1 }), 'y']),
  },
  crossEntropy('of one class', [3, 1], labels([3], [0, 0, 0]), {}),
  {
    name: 'SoftmaxCrossEntropyLoss with its log probabilities not read',
    inputs: { scores: wrt([5, classes]), y: targets },
    build: (builder) => builder.ops('SoftmaxCrossEntropyLoss', ['scores', 'y'], {}, { count: 2 })[0]!,
  },
  {
    name: 'SoftmaxCrossEntropyLoss through its log probabilities',
    inputs: { scores: wrt([5, classes]), y: targets },
    build: (builder) => builder.ops('SoftmaxCrossEntropyLoss', ['scores', 'y'], {}, { count: 2 })[1]!,
  },
  {
    name: 'SoftmaxCrossEntropyLoss of a linear layer',
    inputs: { x: fixed([5, 3]), w: wrt([classes, 3]), b: wrt([classes]), y: targets },
    build: (builder) =>
      builder.op('SoftmaxCrossEntropyLoss', [builder.op('Gemm', ['x', 'w', 'b'], { transB: 1 }), 'y']),
  },
  {
    name: 'label-smoothed cross-entropy of its parts',
    inputs: { scores: wrt([5, classes]), y: targets },
    build: (builder) => {
      const logProbabilities = builder.op('LogSoftmax', ['scores'], { axis: 1 });
      const [smooth, sharp] = [0.1, 0.9].map((share) => builder.scalar(share));
      const uniform = builder.op('ReduceMean', [logProbabilities], { axes: [1], keepdims: 1 });
      const likelihood = builder.op('Add', [
        builder.op('Mul', [builder.op('ReduceMean', [uniform], { keepdims: 0 }), smooth!]),
        builder.op('Mul', [
          builder.op('Neg', [builder.op('SoftmaxCrossEntropyLoss', ['scores', 'y'])]),
          sharp!,
        ]),
      ]);
      return builder.op('Neg', [likelihood]);
    },
  },
  {
    name: 'mean squared error of its parts',
    inputs: { prediction: wrt([4, 3]), target: fixed([4, 3]) },
    build: (builder) => {
      const error = builder.op('Sub', ['prediction', 'target']);
      return builder.op('ReduceMean', [builder.op('Mul', [error, error])], { keepdims: 0 });
    },
  },
];
