import { type AxisSpec, grid, legend, legendHeight, valueAxis } from './axes.js';
import { type Chart, render } from './render.js';
import { colorOf, symbolOf, type Theme } from './theme.js';

export interface ScatterGroup {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface ScatterChartSpec {
  readonly x: AxisSpec;
  readonly y: AxisSpec;
  readonly groups: readonly ScatterGroup[];
  /** Drawn behind the points, without marks. */
  readonly line?: { readonly name: string; readonly points: readonly (readonly [x: number, y: number])[] };
  readonly width?: number;
  readonly height?: number;
}

/** Points over two axes, with a line for comparison. */
export function scatterChart(theme: Theme, spec: ScatterChartSpec): Chart {
  const { x, y, groups, line, width = 570, height = 360 } = spec;
  const names = [...groups.map(({ name }) => name), ...(line ? [line.name] : [])];
  const marks = names.map((_, i) => i < groups.length);
  const drawable = (points: readonly (readonly [number, number])[]) =>
    // A logarithm of zero or less is not there.
    points.filter(([at, value]) => !((x.log && !(at > 0)) || (y.log && !(value > 0))));
  return render(
    {
      legend: legend(theme, names, marks),
      grid: grid(14 + legendHeight(names, width)),
      xAxis: valueAxis(theme, 'x', x),
      yAxis: valueAxis(theme, 'y', y),
      series: [
        ...groups.map(({ name, points }, i) => ({
          type: 'scatter',
          name,
          silent: true,
          emphasis: { disabled: true },
          symbol: symbolOf(i),
          symbolSize: 9,
          itemStyle: { color: colorOf(theme, i), opacity: 0.85 },
          data: drawable(points),
          z: 3,
        })),
        ...(line
          ? [
              {
                type: 'line',
                name: line.name,
                silent: true,
                emphasis: { disabled: true },
                symbol: 'none',
                lineStyle: { color: theme.ink, width: 2 },
                itemStyle: { color: theme.ink },
                data: drawable(line.points),
                z: 2,
              },
            ]
          : []),
      ],
    },
    { theme, width, height },
  );
}
