import { FlatminError } from '../../errors.js';
import type { Feeds } from '../feed/feeds.js';
import type { ModelWeights } from '../model-weights.js';

interface Suspects {
  /** Micro-batches of the step. */
  readonly batches?: readonly Feeds[];
  /** Whether the gradient is still that of the step. */
  readonly withGradient?: boolean;
}

/** A failure that a NaN or an infinity caused, with the first value that is not finite in its message; another one as it is. */
export function explainNotFinite(error: unknown, weights: ModelWeights, suspects: Suspects = {}): unknown {
  if (!(error instanceof FlatminError && error.code === 'NOT_FINITE')) return error;
  for (const [what, values, mayBeInfinite] of candidates(weights, suspects)) {
    const index = values.findIndex((value) =>
      mayBeInfinite ? Number.isNaN(value) : !Number.isFinite(value),
    );
    if (index >= 0)
      return new FlatminError(
        'NOT_FINITE',
        `${error.message} The first value that is not finite is number ${index + 1} of ${what}: ${values[index]}.`,
        { cause: error },
      );
  }
  return error;
}

/** In the order of cause and effect. */
function* candidates(weights: ModelWeights, { batches = [], withGradient = false }: Suspects) {
  for (const batch of batches)
    for (const [name, values] of Object.entries(batch))
      if (values instanceof Float32Array) yield [`the batch's "${name}"`, values, false] as const;
  for (const name of weights.names)
    yield [`"${name}"`, weights.read(name), weights.cameInfinite.has(name)] as const;
  const { arena, gradient } = weights.space;
  if (withGradient)
    for (const { name } of arena.segments)
      yield [`the gradient of "${name}"`, arena.read(gradient, name), false] as const;
}
