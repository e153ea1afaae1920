import { declareMetric } from '../metric.js';
import { eachValue, outputsOf } from '../toolkit/outputs.js';

/**
 * Coefficient of determination of each output (axis 1), mean over the outputs. The targets' spread is accumulated around a running mean
 * (Welford 1962), which loses no digits where that is large. An output whose targets are all equal has 1 where it equals them, else 0;
 * of fewer than two samples there is none.
 */
export const r2 = declareMetric({
  name: 'r2',
  title: 'R²',
  help: "share of the targets' variance that is explained, mean over the outputs",
  of: 'values',
  better: 'higher',
  unit: 'number',
  formula: 'mean over outputs of 1 − Σᵢ (oᵢ − tᵢ)² / Σᵢ (tᵢ − t̄)²',
  source: 'sklearn.metrics.r2_score; Welford 1962',
  accumulator() {
    let parts: { count: number; mean: number; spread: number; residual: number }[] = [];
    return {
      add(batch) {
        if (parts.length === 0)
          parts = Array.from({ length: outputsOf(batch.dims) }, () => ({
            ...{ count: 0, mean: 0, spread: 0, residual: 0 },
          }));
        eachValue(batch, (value, target, output) => {
          const part = parts[output]!;
          const before = target - part.mean;
          part.count++;
          part.mean += before / part.count;
          part.spread += before * (target - part.mean);
          part.residual += (value - target) ** 2;
        });
      },
      value() {
        if (!parts[0] || parts[0].count < 2) return undefined;
        const each = parts.map(({ spread, residual }) =>
          spread > 0 ? 1 - residual / spread : residual === 0 ? 1 : 0,
        );
        return each.reduce((sum, value) => sum + value, 0) / each.length;
      },
    };
  },
});
