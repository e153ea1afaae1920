import { adamw } from './adamw.js';
import { asam } from './asam.js';
import { esam } from './esam.js';
import { friendlySam } from './friendly-sam.js';
import { gsam } from './gsam.js';
import { lookSam } from './look-sam.js';
import { randSam } from './rand-sam.js';
import { sam } from './sam.js';
import { sgd } from './sgd.js';

/** The registry: every optimizer that a run can name. A new one is a file and a line here. */
export const optimizers = [sgd, adamw, sam, randSam, asam, gsam, lookSam, esam, friendlySam] as const;
