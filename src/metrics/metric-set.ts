import { type ClassDetails, DetailsOfClasses } from './classes/details.js';
import { evaluatedMetrics } from './defaults.js';
import type { Accumulator, BatchOf, ClassBatch, Task, TaskKind } from './metric.js';

/** A batch, whatever the task is. */
export type AnyBatch = BatchOf[TaskKind];

/** All metrics of an evaluation, over its batches. */
export class MetricSet {
  private readonly each: ReadonlyMap<string, Accumulator<AnyBatch>>;
  private readonly ofClasses: DetailsOfClasses | undefined;

  /**
   * @param task undefined: nothing is known but the loss
   * @param also the name of a metric beyond the task's own
   * @param details whether figures of each class are kept, where there are classes
   */
  constructor(
    task: Task | undefined,
    { also, details = false }: { also?: string | undefined; details?: boolean | undefined } = {},
  ) {
    this.each = new Map(
      // Batches are of the task's kind, and so are its metrics.
      evaluatedMetrics(task, also).map(({ name, accumulator }) => [
        name,
        accumulator() as Accumulator<AnyBatch>,
      ]),
    );
    if (details && task?.kind === 'classes') this.ofClasses = new DetailsOfClasses();
  }

  add(batch: AnyBatch): void {
    for (const metric of this.each.values()) metric.add(batch);
    this.ofClasses?.add(batch as ClassBatch);
  }

  /** By name; those that nothing counted for are absent. */
  values(): Record<string, number> {
    return Object.fromEntries(
      [...this.each].flatMap(([name, metric]) => {
        const value = metric.value();
        return value === undefined ? [] : [[name, value]];
      }),
    );
  }

  details(): ClassDetails | undefined {
    return this.ofClasses?.value();
  }
}
