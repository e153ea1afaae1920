import type { GradientCase } from '../case.js';
import { architectureCases } from './architecture.js';
import { arithmeticCases } from './arithmetic.js';
import { attentionCases } from './attention.js';
import { attentionFormCases } from './attention-forms.js';
import { choiceCases } from './choice.js';
import { compositeCases } from './composite.js';
import { convTransposeCases } from './conv-transpose.js';
import { convolutionCases } from './convolution.js';
import { doubleCases } from './double.js';
import { einsumCases } from './einsum.js';
import { functionCases } from './functions.js';
import { fusedCases } from './fused.js';
import { indexingCases } from './indexing.js';
import { layerNormCases } from './layer-norm.js';
import { layoutCases } from './layout.js';
import { lossCases } from './loss.js';
import { lpPoolCases } from './lp-pool.js';
import { matmulCases } from './matmul.js';
import { normalizationCases } from './normalization.js';
import { paddingCases } from './padding.js';
import { poolingCases } from './pooling.js';
import { recurrentCases } from './recurrent.js';
import { reductionCases } from './reduction.js';
import { resizeCases } from './resize.js';
import { samplingCases } from './sampling.js';
import { scanCases } from './scan.js';
import { shapeCases } from './shape.js';
import { stopCases } from './stops.js';
import { structuredDoubleCases } from './structured-double.js';
import { unaryCases } from './unary.js';

export const gradientCases: readonly GradientCase[] = [
  ...arithmeticCases,
  ...unaryCases,
  ...matmulCases,
  ...fusedCases,
  ...convolutionCases,
  ...normalizationCases,
  ...poolingCases,
  ...shapeCases,
  ...reductionCases,
  ...lossCases,
  ...choiceCases,
  ...functionCases,
  ...indexingCases,
  ...layoutCases,
  ...paddingCases,
  ...stopCases,
  ...attentionCases,
  ...attentionFormCases,
  ...convTransposeCases,
  ...einsumCases,
  ...layerNormCases,
  ...lpPoolCases,
  ...recurrentCases,
  ...resizeCases,
  ...samplingCases,
  ...scanCases,
  ...doubleCases,
  ...architectureCases,
  ...structuredDoubleCases,
  ...compositeCases,
];
