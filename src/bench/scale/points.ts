import { invalid } from '../../errors.js';
import { checked, type Given, option } from '../../options/option.js';
import { counts, names, someOf } from '../../options/values.js';
import { executionOptions } from '../../run/execution.js';
import type { TrainSettings } from '../../settings/schema.js';

const NOT_SWEPT = 'none: as the other options say';

export const sweepOptions = {
  /** Samples in a batch. */
  batches: option(counts.optional(), {
    symbol: 'list',
    help: 'such as 8,16,32,64',
    byDefault: NOT_SWEPT,
  }),
  /** Of a model wrn-DEPTH-WIDTH. */
  widths: option(counts.optional(), {
    symbol: 'list',
    help: 'of a model wrn-DEPTH-WIDTH, such as 1,2,4',
    byDefault: NOT_SWEPT,
  }),
  /** By name, as the setting `optimizer`. */
  optimizers: option(names.optional(), {
    symbol: 'list',
    help: 'such as sgd,sam',
    byDefault: '--optimizer',
  }),
  /** Of work on the CPU. */
  threads: option(someOf(executionOptions.threads.unwrap(), 'integers').optional(), {
    symbol: 'list',
    help: 'such as 1,2',
    byDefault: 'all cores',
  }),
};

/** What is swept; what is absent stays as the settings have it. */
export interface Sweep extends Readonly<Given<typeof sweepOptions>> {}

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
  sweep: Sweep,
  given: Pick<TrainSettings, 'model' | 'batch' | 'optimizer'>,
): ScalePoint[] {
  const { batches, widths, threads, optimizers } = checked(sweepOptions, sweep);
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
