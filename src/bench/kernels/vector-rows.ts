import { median } from '../statistics.js';
import { GRADIENT, type Span } from '../trace/spans.js';
import type { Cost } from './cost.js';

/** Equal pieces of flatmin's own work in a step. */
export interface VectorRow extends Cost {
  /** 'vector program', 'normal numbers', 'copy' or 'upload'. */
  readonly op: string;
  /** Vectors of a program. */
  readonly vectors: string;
  /** Times in a step. */
  readonly count: number;
  /** Of all of it in a step: the median over steps. */
  readonly seconds: number;
}

export interface VectorTable {
  readonly rows: readonly VectorRow[];
  /** Of all of them in each step. */
  readonly stepSeconds: readonly number[];
}

/**
 * Groups what flatmin itself did in steps: the optimizer's vector programs and what moves data.
 * @param steps their spans
 */
export function vectorRows(spans: readonly Span[], steps: readonly Span[]): VectorTable {
  const groups = new Map<string, { span: Span; perStep: number[]; calls: number }>();
  for (const span of spans) {
    if (span.track !== 'work' || span.name === GRADIENT || span.args?.bytes === undefined) continue;
    const step = steps.findIndex(({ start, end }) => span.start >= start && span.start < end);
    if (step < 0) continue;
    const key = JSON.stringify([span.name, span.args]);
    const group = groups.get(key) ?? { span, perStep: steps.map(() => 0), calls: 0 };
    groups.set(key, group);
    group.perStep[step]! += (span.end - span.start) / 1000;
    group.calls++;
  }
  const rows = [...groups.values()].map(
    ({ span: { name, args }, perStep, calls }): VectorRow => ({
      op: name,
      vectors: String(args!.vectors ?? ''),
      count: calls / steps.length,
      seconds: median(perStep),
      flop: Number(args!.flop ?? 0),
      bytes: Number(args!.bytes),
    }),
  );
  return {
    rows: rows.sort((a, b) => b.seconds - a.seconds),
    stepSeconds: steps.map((_, step) =>
      [...groups.values()].reduce((sum, { perStep }) => sum + perStep[step]!, 0),
    ),
  };
}
