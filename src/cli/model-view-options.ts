import type { Option } from 'commander';
import { LAYOUTS } from '../compile/image-layout.js';
import { CTC_LAYOUTS } from '../losses/ctc.js';
import { addTo, option, toConstants, toNumber } from './option-values.js';

/** Options that say how a model is taken; the model itself stays as it is. */
export const viewOptions = (): Option[] => [
  option('Model', '--output <name>', 'what the loss takes: an output, or any value inside the model', {
    byDefault: 'the first of floats',
  }),
  ...endOptions(),
];

export const endOptions = (): Option[] => [
  option('Model', '--output-as-is', 'the loss takes the output itself, not the logits behind its softmax'),
  option(
    'Model',
    '--constant <name=value>',
    'what an input of the model is: NAME=16000, NAME=true or NAME=1,1,0; may be repeated',
  ).argParser(toConstants),
];

/** Of the loss of sequences. */
export const ctcOptions = (): Option[] => [
  option('Loss', '--blank <class>', 'of ctc: the class that is no label, -1 for the last', {
    parse: toNumber,
    byDefault: 0,
  }),
  option('Loss', '--scores-layout <order>', 'of ctc: batch × time × classes, or time × batch × classes', {
    choices: CTC_LAYOUTS,
    byDefault: 'batch-first',
  }),
];

/** Of commands that feed images. */
export const layoutOption = (): Option =>
  option('Model', '--layout <order>', 'whether images have their channels first or last', {
    choices: LAYOUTS,
    byDefault: 'what the model tells',
  });

const PATTERN = 'a name with *, or /REGEX/; may be repeated';

/** Of what is trained. */
export const choiceOptions = (): Option[] => [
  option('Model', '--train <pattern>', `train these initializers alone: ${PATTERN}`).argParser(addTo),
  option('Model', '--train-also <pattern>', `train these besides what looks learned: ${PATTERN}`).argParser(
    addTo,
  ),
  option('Model', '--freeze <pattern>', `leave these parameters as they are: ${PATTERN}`).argParser(addTo),
];
