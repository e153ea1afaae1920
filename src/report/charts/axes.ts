import { formatTick } from '../html/numbers.js';
import { FONT_SIZE } from './render.js';
import type { Theme } from './theme.js';

export interface AxisSpec {
  /** With its unit. */
  readonly name: string;
  readonly log?: boolean;
  readonly min?: number;
  readonly max?: number;
  /** Ticks at integers alone. */
  readonly integer?: boolean;
}

/** Room around the plot; labels and names of axes are kept inside by the grid itself. */
export const grid = (top: number) => ({
  left: 12,
  right: 24,
  top,
  bottom: 10,
  outerBoundsMode: 'same',
  outerBoundsContain: 'all',
});

/** A value axis with its name in the middle of it. */
export function valueAxis(theme: Theme, side: 'x' | 'y', spec: AxisSpec) {
  const isX = side === 'x';
  return {
    type: spec.log ? 'log' : 'value',
    name: spec.name,
    nameLocation: 'middle',
    nameGap: isX ? 30 : 48,
    nameTextStyle: { color: theme.ink, fontSize: FONT_SIZE },
    scale: true,
    splitNumber: 5,
    ...(spec.min !== undefined && { min: spec.min }),
    ...(spec.max !== undefined && { max: spec.max }),
    ...(spec.integer && { minInterval: 1 }),
    axisLine: { show: true, onZero: false, lineStyle: { color: theme.axis } },
    axisTick: { show: true, lineStyle: { color: theme.axis } },
    axisLabel: {
      color: theme.muted,
      fontSize: 12,
      hideOverlap: true,
      formatter: (value: number) => formatTick(value),
    },
    splitLine: { show: true, lineStyle: { color: theme.grid } },
  };
}

/** @param marks for each name, whether its entry has the mark of a point; default all */
export const legend = (theme: Theme, names: readonly string[], marks: readonly boolean[] = []) => ({
  show: names.length > 1,
  data: names.map((name, i) => ({ name, ...(marks[i] === false && { itemStyle: { opacity: 0 } }) })),
  top: 2,
  left: 8,
  right: 8,
  itemWidth: 32,
  itemGap: 26,
  textStyle: { color: theme.ink, fontSize: FONT_SIZE },
});

/** Height of a legend in a chart of that width, by the widths of its entries; 0 where there is none. */
export function legendHeight(names: readonly string[], width: number): number {
  if (names.length < 2) return 0;
  let [rows, x] = [1, 0];
  for (const name of names) {
    const entry = 32 + 31 + 7.6 * name.length;
    if (x > 0 && x + entry > width - 16) [rows, x] = [rows + 1, 0];
    x += entry;
  }
  // Rows are as far apart as entries.
  return 24 + (rows - 1) * 40;
}
