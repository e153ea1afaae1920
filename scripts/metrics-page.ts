import { evaluatedMetrics } from '../src/metrics/defaults.js';
import type { Task } from '../src/metrics/metric.js';
import { METRICS } from '../src/metrics/registry.js';

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** What losses compare, in words, with a task of that kind. */
const TASKS: readonly (readonly [what: string, losses: string, task: Task])[] = [
  [
    'class scores, batch × classes',
    '`cross-entropy`, `nll`',
    { kind: 'classes', rank: 2, classes: Number.POSITIVE_INFINITY },
  ],
  [
    'class scores of three axes: tokens',
    '`cross-entropy`, `nll`',
    { kind: 'classes', rank: 3, classes: Number.POSITIVE_INFINITY },
  ],
  [
    'class scores of four axes or more: pixels',
    '`cross-entropy`, `nll`',
    { kind: 'classes', rank: 4, classes: Number.POSITIVE_INFINITY },
  ],
  ['values', '`mse`, `l1`, `huber`', { kind: 'values', rank: 2 }],
  ['binary scores', '`bce`', { kind: 'binary', rank: 2 }],
  ['scores of time steps', '`ctc`', { kind: 'sequences', rank: 3 }],
];

const KINDS = {
  classes: 'class scores',
  values: 'values',
  binary: 'binary scores',
  sequences: 'time steps',
} as const;

/** docs/metrics.md: of each task its metrics, and of each metric its formula and source. */
export function metricsPage(): string {
  const tasks = TASKS.map(([what, losses, task]) => {
    const names = evaluatedMetrics(task).map(({ name }) => `\`${name}\``);
    return `| ${what} | ${losses} | ${names.join(', ')} |`;
  });
  const metrics = METRICS.map(({ name, title, of, better, formula, source }) =>
    [`\`${name}\``, title, KINDS[of], better, cell(formula), cell(source)].join(' | '),
  );
  return [
    '# Metrics',
    '',
    'Written by `npm run docs` from `src/metrics`.',
    '',
    'An evaluation (`TrainingSession.evaluate`, the epochs of `flatmin train`, `flatmin evaluate`) has the mean loss, and metrics that follow from',
    'what the loss compares with its targets. They are counted over all samples: how these are divided into batches changes nothing but rounding.',
    'Labels that are ignored (`ignoreIndex`) count for nothing, in the mean loss too. `top-5` is there from six classes on. What nothing counted for,',
    'such as the area under a curve of positive targets alone, is absent.',
    '',
    '| what is compared | losses | metrics |',
    '|---|---|---|',
    ...tasks,
    '',
    '`--metric NAME` (the setting `metric`) is what `--early-stop` and `--keep-best` follow, in the direction that is better, and what progress shows:',
    'any metric of the same kind of scores, or `loss`. Default: the accuracy where there is one, else the loss.',
    '',
    '| name | | of | better | formula | source |',
    '|---|---|---|---|---|---|',
    ...metrics.map((row) => `| ${row} |`),
    '',
    'Sums and means are taken in float64, probabilities as the softmax of the scores in float64. The tests compare with scikit-learn',
    '(`test/fixtures/metrics/make.py`); the error rate of sequences is checked by hand. TP, FP and FN count a class over all samples. Outputs are axis 1',
    'of values and binary scores; further axes are counted together.',
    '',
    '`flatmin evaluate RUN|MODEL.onnx --details` adds precision, recall, F1 and IoU of each class and the confusion matrix, of at most 2,000 classes. A',
    'run keeps its last evaluation in `evaluation.json` (the matrix of at most 100 classes), and `flatmin report` draws it. `flatmin predict` writes what a',
    'model says of each sample, as CSV or as JSON lines.',
    '',
  ].join('\n');
}
