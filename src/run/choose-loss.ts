import type { Source } from '../data/index.js';
import { FlatminError } from '../errors.js';
import type { Loss } from '../losses/loss.js';
import { ANY_BATCH, LOSS_NAMES, namedLoss } from '../losses/named.js';
import type { TrainSettings } from '../settings/schema.js';

/**
 * The loss that the settings name; of class labels, cross-entropy where they name none.
 * @throws FlatminError INVALID_ARGUMENT where there are other targets and none is named
 */
export function chooseLoss(
  {
    loss,
    ignoreIndex,
    labelSmoothing,
    output,
    classWeights,
  }: Pick<TrainSettings, 'loss' | 'ignoreIndex' | 'labelSmoothing' | 'output' | 'classWeights'>,
  { name, targets }: Pick<Source, 'name' | 'targets'>,
): Loss {
  const [target] = targets;
  if (loss === undefined && !target?.classes)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The targets of ${name} are no class labels: say what is minimised, as --loss mse (${LOSS_NAMES.join(', ')}).`,
    );
  return namedLoss(loss ?? 'cross-entropy', {
    output,
    labelSmoothing,
    // What has not come to numbers is of a run that has not begun.
    ...(Array.isArray(classWeights) && { classWeights }),
    ignoreIndex: ignoreIndex ?? target?.classes?.ignoreIndex,
    ...(target && { targets: { dims: [ANY_BATCH, ...target.dims], floating: target.type === 'float' } }),
  });
}
