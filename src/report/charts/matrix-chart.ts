import { formatTick } from '../html/numbers.js';
import { grid } from './axes.js';
import { cividis } from './color-scale.js';
import { type Chart, FONT_SIZE, render } from './render.js';
import type { Theme } from './theme.js';

export interface MatrixChartSpec {
  /** Of rows and columns, from the upper left. */
  readonly names: readonly string[];
  readonly rows: readonly (readonly number[])[];
  /** What rows and columns are. */
  readonly y: string;
  readonly x: string;
  readonly width?: number;
}

interface Api {
  value(dimension: number): number;
  coord(point: readonly number[]): [number, number];
  size(of: readonly number[]): [number, number];
}

/** Pixels of a cell that a number has room in. */
const ROOM = 26;

/** A square matrix of counts as colours: each cell by its share of the row, with its number where there is room. */
export function matrixChart(theme: Theme, { names, rows, y, x, width = 570 }: MatrixChartSpec): Chart {
  const cells = rows.flatMap((row, index) => {
    const all = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, column) => [column, index, count, all > 0 ? count / all : 0]);
  });
  const axis = (name: string) => ({
    type: 'category',
    data: [...names],
    name,
    nameLocation: 'middle',
    nameTextStyle: { color: theme.ink, fontSize: FONT_SIZE },
    axisLine: { lineStyle: { color: theme.axis } },
    axisTick: { show: false },
    splitLine: { show: false },
    axisLabel: { color: theme.ink, fontSize: 12, width: 0.16 * width, overflow: 'truncate' },
  });
  return render(
    {
      grid: grid(12),
      xAxis: { ...axis(x), nameGap: 30, axisLabel: { ...axis(x).axisLabel, hideOverlap: true } },
      yAxis: { ...axis(y), nameGap: 0.16 * width, inverse: true },
      series: [
        {
          type: 'custom',
          silent: true,
          data: cells,
          renderItem: (_: unknown, api: Api) => cell(api, names.length),
        },
      ],
    },
    { theme, width, height: Math.round(0.82 * width) },
  );
}

function cell(api: Api, names: number): object {
  const [column, row, count, share] = [api.value(0), api.value(1), api.value(2), api.value(3)];
  const [centreX, centreY] = api.coord([column, row]);
  const [wide, high] = api.size([1, 1]);
  const gap = names > 30 ? 0 : 0.5;
  const rect = {
    type: 'rect',
    shape: {
      x: centreX - wide / 2 + gap,
      y: centreY - high / 2 + gap,
      width: wide - 2 * gap,
      height: high - 2 * gap,
    },
    style: { fill: cividis(share) },
  };
  const text = {
    type: 'text',
    style: {
      text: formatTick(count),
      x: centreX,
      y: centreY,
      align: 'center',
      verticalAlign: 'middle',
      fontSize: 11,
      // Cividis grows lighter with the share.
      fill: share > 0.55 ? '#000000' : '#ffffff',
    },
  };
  const hasRoom = Math.min(wide, 1.6 * high) >= ROOM && count > 0;
  return { type: 'group', children: hasRoom ? [rect, text] : [rect] };
}
