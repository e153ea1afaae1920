import { declareMetric } from '../metric.js';
import { rowMean } from '../toolkit/row-mean.js';

/** exp of the mean −log p of the labels: over all tokens that are not ignored, not a mean of the batches' perplexities. */
export const perplexity = declareMetric({
  name: 'perplexity',
  title: 'perplexity',
  help: 'exp of the mean −log p of a token',
  of: 'classes',
  better: 'lower',
  unit: 'number',
  formula: 'exp(−1/n Σᵢ log p(yᵢ)), over tokens i',
  source: 'Jelinek et al. 1977; torchmetrics.text.Perplexity',
  accumulator: rowMean(({ probabilities }, row) => -probabilities.ofLabel[row]!, Math.exp),
});
