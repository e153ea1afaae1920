import { anyArguments } from '../../test/native/scenarios/misuse.js';
import { type Kind, value } from './kind.js';

/** Calls of a case. */
const CALLS = 300;

export const misuse: Kind = {
  name: 'misuse',
  about: `${CALLS} calls of everything in the addon with arguments of any type`,
  count: 20,
  async run({ draw }) {
    await anyArguments(CALLS, `misuse ${draw.integer(0, 2 ** 31)}`);
    return value;
  },
};
