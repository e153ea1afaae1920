import { option } from '../options/option.js';
import { flag } from '../options/values.js';

/** Of commands whose results are for people unless it is said otherwise. */
export const jsonFlag = option(flag, { help: 'print the report as one JSON line' });
export const quietFlag = option(flag, { help: 'show no progress' });
