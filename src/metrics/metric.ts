/** What a loss compares: class scores with labels, values with targets, binary scores with targets, or score rows of time steps with label sequences. */
export type TaskKind = 'classes' | 'values' | 'binary' | 'sequences';

/** What metrics have to know of a model and its targets. */
export interface Task {
  /** What is compared. */
  readonly kind: TaskKind;
  /** How many axes the scores or values have, the batch's too. */
  readonly rank: number;
  /** Of class scores: how many, where that is known. */
  readonly classes?: number | undefined;
}

/** Scores of classes, and a label for each row of them: samples, pixels or tokens. */
export interface ClassBatch {
  /** Logits or log-probabilities: their softmax is taken where probabilities are asked for. */
  readonly scores: Float32Array;
  /** Shape of the scores. */
  readonly dims: readonly number[];
  /** Axis of the classes, counted from the front. */
  readonly classAxis: number;
  /** Class indices; the scores' shape without the class axis. */
  readonly targets: ArrayLike<number | bigint>;
  /** Rows with this label count for nothing. */
  readonly ignoreIndex?: number | undefined;
}

/** Values and targets of the same shape. Axis 1 are the outputs; a value without it is one output. */
export interface ValueBatch {
  readonly scores: Float32Array;
  readonly dims: readonly number[];
  /** As many as there are values; of binary scores, in [0, 1]. */
  readonly targets: ArrayLike<number>;
}

/** Scores of classes at each time step, and padded rows of labels. */
export interface SequenceBatch {
  readonly scores: Float32Array;
  /** Samples × time steps × classes; with `timeFirst`, time steps × samples × classes. */
  readonly dims: readonly number[];
  readonly timeFirst: boolean;
  /** The class that stands for no label. */
  readonly blank: number;
  /** Samples × padded labels. */
  readonly targets: ArrayLike<number | bigint>;
  /** Labels of each sample that count. */
  readonly targetLengths: ArrayLike<number | bigint>;
  /** Time steps of each sample that count; absent: all. */
  readonly inputLengths?: ArrayLike<number | bigint> | undefined;
}

/** What a metric is given of a batch, by what the loss compares. Binary scores are logits. */
export interface BatchOf {
  classes: ClassBatch;
  values: ValueBatch;
  binary: ValueBatch;
  sequences: SequenceBatch;
}

/** A figure over batches: as over all samples at once, to rounding, however they are divided. */
export interface Accumulator<B> {
  add(batch: B): void;
  /** Undefined where nothing that counts has come. */
  value(): number | undefined;
}

/** A metric, declared once: for evaluation, records, the command line and the docs. */
export interface Metric<K extends TaskKind = TaskKind> {
  /** On the command line and in records. */
  readonly name: string;
  /** For people: in tables and charts. */
  readonly title: string;
  /** One line. */
  readonly help: string;
  readonly of: K;
  readonly better: 'higher' | 'lower';
  /** A share is shown in per cent. */
  readonly unit: 'share' | 'number';
  readonly formula: string;
  readonly source: string;
  /** Default: of every task of the kind. */
  readonly appliesTo?: (task: Task) => boolean;
  readonly accumulator: () => Accumulator<BatchOf[K]>;
}

export const declareMetric = <K extends TaskKind>(metric: Metric<K>): Metric<K> => metric;

/** A part of a count; undefined of nothing. */
export const shareOf = (part: number, all: number): number | undefined => (all > 0 ? part / all : undefined);
