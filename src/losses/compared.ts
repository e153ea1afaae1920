/** What a loss compares with its targets, by names in the graph: what metrics are computed of. */
export type Compared = {
  /** Of class scores: logits or log-probabilities. */
  readonly scores: string;
  /** Axes of the scores. */
  readonly rank: number;
  /** The loss's input: labels, or values to match. */
  readonly targets: string;
} & (
  | {
      readonly kind: 'classes';
      readonly classAxis: number;
      readonly classes: number | undefined;
      readonly ignoreIndex: number | undefined;
      /** Of the classes, by which the loss is a weighted mean over labels. */
      readonly weights?: readonly number[] | undefined;
      /** Whether targets are shares of the classes, shaped as the scores, and no labels: what counts is the class of the largest. */
      readonly areShares?: boolean;
    }
  | {
      /** 'binary': the scores are logits. */
      readonly kind: 'values' | 'binary';
      /** Size of axis 1; 1 where there is none, or it follows the batch. */
      readonly outputs: number;
    }
  | {
      readonly kind: 'sequences';
      readonly targetLengths: string;
      readonly inputLengths: string | undefined;
      readonly timeFirst: boolean;
      readonly blank: number;
    }
);
