import type { GradientCase } from '../case.js';
import { arithmeticCases } from './arithmetic.js';
import { compositeCases } from './composite.js';
import { convolutionCases } from './convolution.js';
import { lossCases } from './loss.js';
import { matmulCases } from './matmul.js';
import { normalizationCases } from './normalization.js';
import { poolingCases } from './pooling.js';
import { reductionCases } from './reduction.js';
import { shapeCases } from './shape.js';
import { unaryCases } from './unary.js';

export const gradientCases: readonly GradientCase[] = [
  ...arithmeticCases,
  ...unaryCases,
  ...matmulCases,
  ...convolutionCases,
  ...normalizationCases,
  ...poolingCases,
  ...shapeCases,
  ...reductionCases,
  ...lossCases,
  ...compositeCases,
];
