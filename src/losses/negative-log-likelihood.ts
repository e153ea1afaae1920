import { checked, type Given } from '../options/option.js';
import { classAxisOf, classCount, classOptions, constantLike } from './class-axis.js';
import { takeLogProbabilities } from './ends/take.js';
import { type Loss, requireFloat } from './loss.js';

/** Options of `negativeLogLikelihood`. */
export interface NegativeLogLikelihoodOptions extends Given<typeof classOptions> {
  /** The output of the model that holds log probabilities; default that of the session. */
  output?: string;
  /** Name of the input for the labels; default `labels`. */
  input?: string;
}

/**
 * Negative log-likelihood of log probabilities q (batch × classes × …; see `classAxis`) at labels y (int64, that shape without the class
 * axis): Σ_i −w_y·q_y / Σ_i w_y over the samples that are not ignored. Of an output that is a softmax, its logarithm is taken (the
 * session's `notes` say so), unless it has `outputAsIs`. As torch.nn.NLLLoss.
 * @throws FlatminError INVALID_ARGUMENT for a bad option
 */
export function negativeLogLikelihood(options: NegativeLogLikelihoodOptions = {}): Loss {
  const { input = 'labels' } = options;
  const { ignoreIndex, classWeights, classAxis } = checked(classOptions, options);
  return {
    name: 'negative log-likelihood',
    append(scope) {
      const { builder } = scope;
      const { value, axis: told } = takeLogProbabilities(scope, 'Negative log-likelihood', options.output);
      requireFloat('Negative log-likelihood', value);
      const axis = classAxisOf('Negative log-likelihood', value, classAxis ?? told ?? 1, told);
      const classes = classCount(value, axis, classWeights);
      const dims = value.dims.filter((_, index) => index !== axis);
      const labels = scope.target(input, 'int64', dims, {
        classes,
        axis,
        ignoreIndex,
        weights: classWeights,
        scores: value.name,
      });
      const integer = (number: number) => builder.constant('int64', [], BigInt64Array.of(BigInt(number)));
      const kept =
        ignoreIndex === undefined
          ? undefined
          : builder.op('Not', [builder.op('Equal', [labels, integer(ignoreIndex)])]);
      const safe = kept ? builder.op('Where', [kept, labels, integer(0)]) : labels;
      const axes = builder.ints([axis]);
      const chosen = builder.op('Squeeze', [
        builder.op('GatherElements', [value.name, builder.op('Unsqueeze', [safe, axes])], { axis }),
        axes,
      ]);
      if (!kept && !classWeights)
        return builder.op('Neg', [builder.op('ReduceMean', [chosen], { keepdims: 0 })]);
      const own =
        classWeights &&
        builder.op('Gather', [constantLike(builder, value, [classWeights.length], classWeights), safe], {
          axis: 0,
        });
      const keep = kept && builder.op('Cast', [kept], { to: value.type });
      const weight = own && keep ? builder.op('Mul', [own, keep]) : (own ?? keep!);
      const sum = builder.op('ReduceSum', [builder.op('Mul', [chosen, weight])], { keepdims: 0 });
      return builder.op('Neg', [
        builder.op('Div', [sum, builder.op('ReduceSum', [weight], { keepdims: 0 })]),
      ]);
    },
  };
}
