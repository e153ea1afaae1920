import { invalid } from '../../errors.js';
import type { TrainSettings } from '../../settings/schema.js';

/** What is swept; what is absent stays as the settings have it. */
export interface Sweep {
  /** Samples in a batch. */
  readonly batches?: readonly number[] | undefined;
  /** Of a model wrn-DEPTH-WIDTH. */
  readonly widths?: readonly number[] | undefined;
  /** Of work on the CPU. */
  readonly threads?: readonly number[] | undefined;
  /** By name, as the setting `optimizer`. */
  readonly optimizers?: readonly string[] | undefined;
}

/** One configuration of a sweep. */
export interface ScalePoint {
  /** Its name or path, as the setting `model`. */
  readonly model: string;
  /** Samples in a batch. */
  readonly batch: number;
  /** Null: as many as the machine has cores. */
  readonly threads: number | null;
  /** Its name, as the setting `optimizer`. */
  readonly optimizer: string;
}

/**
 * All combinations; batches change the fastest.
 * @param given of what is not swept
 * @throws FlatminError INVALID_ARGUMENT for a sweep of nothing, or of widths of another model
 */
export function sweepPoints(
  { batches, widths, threads, optimizers }: Sweep,
  given: Pick<TrainSettings, 'model' | 'batch' | 'optimizer'>,
): ScalePoint[] {
  for (const [name, values] of Object.entries({ batches, widths, threads })) {
    const isBad =
      values && !(values.length > 0 && values.every((value) => Number.isInteger(value) && value > 0));
    if (isBad) throw invalid(name, 'positive integers', values.join());
  }
  const base = /^(wrn-\d+)-\d+$/.exec(given.model)?.[1];
  if (widths && !base) throw invalid('model', 'wrn-DEPTH-WIDTH where widths are swept', given.model);
  const models = widths?.map((width) => `${base}-${width}`) ?? [given.model];
  return models.flatMap((model) =>
    (optimizers ?? [given.optimizer]).flatMap((optimizer) =>
      (threads ?? [null]).flatMap((count) =>
        (batches ?? [given.batch]).map((batch) => ({ model, batch, threads: count, optimizer })),
      ),
    ),
  );
}

export const pointKey = ({ model, batch, threads, optimizer }: ScalePoint): string =>
  JSON.stringify([model, batch, threads, optimizer]);

/** 'wrn-16-4, batch 64, sam, 2 threads' */
export const pointName = ({ model, batch, threads, optimizer }: ScalePoint): string =>
  [
    model,
    `batch ${batch}`,
    optimizer,
    ...(threads === null ? [] : [`${threads} ${threads === 1 ? 'thread' : 'threads'}`]),
  ].join(', ');
