import { adaptiveAscentMeasure, ascentMeasure } from './ascent.js';
import { adaptiveAscentNMeasure, ascentNMeasure } from './ascent-n.js';
import { adaptiveAverageMeasure, averageMeasure } from './average.js';
import { densityMeasure } from './density.js';
import { eigenvaluesMeasure } from './eigenvalues.js';
import { mSharpnessMeasure } from './m-sharpness.js';
import { traceMeasure } from './trace.js';
import { adaptiveWorstMeasure, worstMeasure } from './worst.js';

/**
 * The registry: every measure by name, in the order they are measured: those of one gradient side by side, `worst` after what it must
 * not be below. A new one is a file and a line here.
 */
export const measureKinds = [
  ascentMeasure,
  adaptiveAscentMeasure,
  ascentNMeasure,
  adaptiveAscentNMeasure,
  averageMeasure,
  adaptiveAverageMeasure,
  worstMeasure,
  adaptiveWorstMeasure,
  mSharpnessMeasure,
  traceMeasure,
  eigenvaluesMeasure,
  densityMeasure,
] as const;
