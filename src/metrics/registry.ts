import { auc } from './binary/auc.js';
import { binaryAccuracy } from './binary/binary-accuracy.js';
import { binaryF1 } from './binary/binary-f1.js';
import { accuracy } from './classes/accuracy.js';
import { balancedAccuracy } from './classes/balanced-accuracy.js';
import { ece } from './classes/ece.js';
import { macroF1 } from './classes/macro-f1.js';
import { meanIou } from './classes/mean-iou.js';
import { nll } from './classes/nll.js';
import { perplexity } from './classes/perplexity.js';
import { top5 } from './classes/top-5.js';
import type { Metric, TaskKind } from './metric.js';
import { cer } from './sequences/cer.js';
import { mae } from './values/mae.js';
import { r2 } from './values/r2.js';
import { rmse } from './values/rmse.js';

/** A metric, whatever it is of. */
export type AnyMetric = { [K in TaskKind]: Metric<K> }[TaskKind];

/** In the order of tables. */
export const METRICS: readonly AnyMetric[] = [
  ...[accuracy, top5, balancedAccuracy, macroF1, meanIou, nll, ece, perplexity],
  ...[mae, rmse, r2],
  ...[binaryAccuracy, binaryF1, auc],
  cer,
];

/** Undefined for a name that no metric has. */
export const metricNamed = (name: string): AnyMetric | undefined =>
  METRICS.find((each) => each.name === name);
