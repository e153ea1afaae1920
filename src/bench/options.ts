import { type Given, option } from '../options/option.js';
import { count, countOrZero, imageShape } from '../options/values.js';
import { type Execution, executionOptions } from '../run/execution.js';

/** What the measurements of training steps have in common, beside where they run. */
export const measurementOptions = {
  /** Steps timed; default 5. */
  steps: option(count, { symbol: 'n', help: 'steps timed', default: 5 }),
  /** Steps before these; default 2. */
  warmup: option(countOrZero, { symbol: 'n', help: 'steps before them', default: 2 }),
  /** Channels × height × width; default 3 × 32 × 32. */
  inputShape: option(imageShape, {
    symbol: 'shape',
    help: 'CHANNELSxHEIGHTxWIDTH of the random images',
    default: [3, 32, 32],
    byDefault: '3x32x32',
  }),
  /** Default 10. */
  classes: option(count, { symbol: 'n', help: 'classes of the random labels', default: 10 }),
};

/** All of them. */
export const benchOptions = { ...executionOptions, ...measurementOptions };

/** What the measurements of training steps have in common. */
export interface BenchOptions
  extends Omit<Execution, 'model' | 'dataset'>,
    Given<typeof measurementOptions> {}
