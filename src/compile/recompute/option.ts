import { z } from 'zod';
import { option } from '../../options/option.js';
import { fraction } from '../../options/values.js';

/** What is asked of recomputation: see GraphOptions. */
export const recomputeOption = option(
  z.union([fraction, z.literal(true), z.literal(false)], 'true, false or a share in (0, 1)').optional(),
  {
    symbol: 'share',
    help: 'compute activations again instead of keeping them: for the least memory, or the least time for this share of it',
    byDefault: 'off',
  },
);
