import { type AxisSpec, grid, legend, legendHeight, valueAxis } from './axes.js';
import { type Chart, FONT_SIZE, render } from './render.js';
import { colorOf, symbolOf, type Theme } from './theme.js';

export interface PointGroup {
  readonly name: string;
  /** One for each category; null where there is none. */
  readonly values: readonly ({ readonly value: number; readonly error: number | null } | null)[];
  /** Index in the palette; default its place among the groups. */
  readonly style?: number;
  /** Drawn empty: not measured here. */
  readonly hollow?: boolean;
}

export interface PointChartSpec {
  /** One row each, from the top. */
  readonly categories: readonly string[];
  readonly groups: readonly PointGroup[];
  readonly x: AxisSpec;
  readonly width?: number;
}

interface Api {
  value(dimension: number): number;
  coord(point: readonly number[]): [number, number];
}

const ROW = 30;
const CAP = 5;

/** Values of categories as points with whiskers of ± error, a row each: it holds long names and many rows. */
export function pointChart(theme: Theme, { categories, groups, x, width = 570 }: PointChartSpec): Chart {
  const names = groups.map(({ name }) => name);
  const top = 14 + legendHeight(names, width);
  const spread = groups.length > 1 ? 0.5 / (groups.length - 1) : 0;
  const rowHeight = Math.max(ROW, 13 * groups.length + 8);
  const shiftOf = (index: number) => (groups.length > 1 ? (index * spread - 0.25) * rowHeight : 0);
  return render(
    {
      legend: { ...legend(theme, names), itemWidth: 13, itemHeight: 13 },
      grid: grid(top),
      xAxis: { ...valueAxis(theme, 'x', x), boundaryGap: ['6%', '6%'] },
      yAxis: {
        type: 'category',
        inverse: true,
        data: [...categories],
        axisLine: { lineStyle: { color: theme.axis } },
        axisTick: { show: false },
        axisLabel: {
          color: theme.ink,
          fontSize: FONT_SIZE,
          interval: 0,
          width: 0.34 * width,
          overflow: 'truncate',
        },
        splitLine: { show: true, lineStyle: { color: theme.grid } },
      },
      series: groups.flatMap((group, index) => series(theme, group, index, shiftOf(index))),
    },
    { theme, width, height: top + Math.max(3, categories.length) * rowHeight + 62 },
  );
}

/** Whiskers first, so that the points lie on them. */
function series(theme: Theme, { name, values, style, hollow }: PointGroup, index: number, shift: number) {
  const color = colorOf(theme, style ?? index);
  const present = values.flatMap((entry, row) => (entry ? [{ ...entry, row }] : []));
  const common = { silent: true, clip: false };
  return [
    {
      ...common,
      type: 'custom',
      encode: { x: [0, 2, 3], y: 1 },
      data: present
        .filter(({ error }) => error !== null && error > 0)
        .map(({ value, error, row }) => [value, row, value - error!, value + error!]),
      renderItem: (_: unknown, api: Api) => {
        const [from, y] = api.coord([api.value(2), api.value(1)]);
        const [to] = api.coord([api.value(3), api.value(1)]);
        return whisker(from, to, y + shift, color);
      },
    },
    {
      ...common,
      name,
      type: 'scatter',
      emphasis: { disabled: true },
      symbol: hollow ? 'diamond' : symbolOf(style ?? index),
      symbolSize: hollow ? 12 : 10,
      symbolOffset: [0, shift],
      itemStyle: hollow
        ? { color: theme.background, borderColor: color, borderWidth: 2, opacity: 1 }
        : { color, opacity: 1 },
      data: present.map(({ value, row }) => [value, row]),
    },
  ];
}

function whisker(from: number, to: number, y: number, stroke: string) {
  const line = (x1: number, y1: number, x2: number, y2: number) => ({
    type: 'line',
    shape: { x1, y1, x2, y2 },
    style: { stroke, lineWidth: 1.8 },
  });
  return {
    type: 'group',
    children: [line(from, y, to, y), ...[from, to].map((x) => line(x, y - CAP, x, y + CAP))],
  };
}
