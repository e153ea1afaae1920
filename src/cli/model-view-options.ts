import { z } from 'zod';
import { ctcOptions } from '../losses/ctc.js';
import { option } from '../options/option.js';
import { count, text } from '../options/values.js';
import { sessionOptions } from '../session/session-options.js';
import { viewSettings } from '../settings/schema.js';
import { addTo, toConstants, toDims } from './option-values.js';
import { readBy } from './schema-option.js';

/** Options that say how a model is taken; the model itself stays as it is. */
export const viewFlags = {
  output: viewSettings.output,
  outputAsIs: viewSettings.outputAsIs,
  constant: readBy(viewSettings.constants, toConstants),
};

/** Of commands that feed images. */
export const layoutFlag = { layout: viewSettings.layout };

/** Of what is trained. */
export const choiceFlags = {
  train: readBy(viewSettings.train, addTo),
  trainAlso: readBy(viewSettings.alsoTrain, addTo),
  freeze: readBy(viewSettings.freeze, addTo),
};

/** Of the loss of sequences. */
export const ctcFlags = { blank: ctcOptions.blank, scoresLayout: ctcOptions.layout };

export const dimFlag = readBy(
  option(z.record(text, count), { symbol: 'name=size', help: 'size of an open dimension; may be repeated' }),
  toDims,
);

/** Of commands that look at one batch. */
export const statisticsFlag = sessionOptions.batchNorm;
