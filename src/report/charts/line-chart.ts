import { type AxisSpec, grid, legend, legendHeight, valueAxis } from './axes.js';
import { type Chart, render } from './render.js';
import { colorOf, dashOf, symbolOf, type Theme } from './theme.js';

export interface LineSeries {
  readonly name: string;
  /** Null breaks the line. */
  readonly points: readonly (readonly [x: number, y: number | null])[];
  /** Index in the palette and of the dashes; default its place among the series. */
  readonly style?: number;
  /** Many noisy points: thin, and without marks. */
  readonly thin?: boolean;
  /** A smooth curve: without marks. */
  readonly markless?: boolean;
  /** Half widths of a band around the line, one for each point. */
  readonly band?: readonly (number | null)[];
}

export interface LineChartSpec {
  readonly x: AxisSpec;
  readonly y: AxisSpec;
  readonly series: readonly LineSeries[];
  readonly width?: number;
  readonly height?: number;
}

const MOST_MARKS = 40;

/** Lines over one axis, with a legend where there are several. */
export function lineChart(theme: Theme, { x, y, series, width = 570, height = 340 }: LineChartSpec): Chart {
  const names = series.map(({ name }) => name);
  return render(
    {
      legend: legend(theme, names, series.map(hasMarks)),
      grid: grid(14 + legendHeight(names, width)),
      xAxis: valueAxis(theme, 'x', x),
      yAxis: valueAxis(theme, 'y', y),
      series: series.flatMap((one, index) => [...bandOf(theme, one, index), lineOf(theme, one, index, y)]),
    },
    { theme, width, height },
  );
}

const hasMarks = ({ thin, markless, points }: LineSeries): boolean =>
  !thin && !markless && points.length <= MOST_MARKS;

function lineOf(theme: Theme, series: LineSeries, index: number, y: AxisSpec) {
  const { name, points, style, thin } = series;
  const place = style ?? index;
  const color = colorOf(theme, place);
  return {
    type: 'line',
    name,
    silent: true,
    emphasis: { disabled: true },
    // A logarithm of zero or less is not there.
    data: points.map(([at, value]) => [at, y.log && !(value !== null && value > 0) ? null : value]),
    lineStyle: { color, width: thin ? 1 : 2, type: thin ? 'solid' : dashOf(place), opacity: thin ? 0.55 : 1 },
    itemStyle: { color },
    symbol: hasMarks(series) ? symbolOf(place) : 'none',
    symbolSize: 7,
    showSymbol: true,
    z: thin ? 2 : 3,
  };
}

/** The band of mean ± deviation as one polygon. */
function bandOf(theme: Theme, { points, band, style }: LineSeries, index: number) {
  if (!band?.some((half) => half !== null && half > 0)) return [];
  const inside = points.flatMap(([at, value], i) =>
    value === null ? [] : [[at, value, band[i] ?? 0] as const],
  );
  return [
    {
      type: 'custom',
      silent: true,
      clip: true,
      z: 1,
      data: inside.map(([at, value, half]) => [at, value - half, value + half]),
      encode: { x: 0, y: [1, 2] },
      renderItem: (params: { dataIndex: number }, api: { coord(point: readonly number[]): number[] }) =>
        params.dataIndex > 0
          ? undefined
          : {
              type: 'polygon',
              shape: {
                points: [
                  ...inside.map(([at, value, half]) => api.coord([at, value + half])),
                  ...inside.toReversed().map(([at, value, half]) => api.coord([at, value - half])),
                ],
              },
              style: { fill: colorOf(theme, style ?? index), opacity: 0.18 },
            },
    },
  ];
}
