import { type AxisSpec, grid, legend, legendHeight, valueAxis } from './axes.js';
import { type Chart, FONT_SIZE, render } from './render.js';
import { colorOf, type Theme } from './theme.js';

export interface BarChartSpec {
  /** One row each, from the top. */
  readonly categories: readonly string[];
  /** Bars of each row: a value for each category; null where there is none. */
  readonly groups: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
  readonly x: AxisSpec;
  /** Where a line crosses all rows: what the values are compared with. */
  readonly mark?: number;
  readonly width?: number;
}

const BAR = 13;

/** Values of categories as bars from zero, a row each. */
export function barChart(theme: Theme, { categories, groups, x, mark, width = 570 }: BarChartSpec): Chart {
  const names = groups.map(({ name }) => name);
  const top = 14 + legendHeight(names, width);
  const line = mark !== undefined && {
    markLine: {
      silent: true,
      symbol: 'none',
      label: { show: false },
      lineStyle: { color: theme.ink, width: 1.5, type: 'solid' },
      data: [{ xAxis: mark }],
    },
  };
  return render(
    {
      legend: { ...legend(theme, names), itemWidth: 13, itemHeight: 13 },
      grid: grid(top),
      xAxis: valueAxis(theme, 'x', { min: 0, ...x }),
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
      },
      series: groups.map(({ name, values }, index) => ({
        type: 'bar',
        name,
        silent: true,
        emphasis: { disabled: true },
        barWidth: BAR,
        barGap: '10%',
        itemStyle: { color: colorOf(theme, index) },
        data: values.map((value) => value ?? '-'),
        ...(index === 0 && line),
      })),
    },
    { theme, width, height: top + categories.length * (1.1 * BAR * groups.length + 12) + 62 },
  );
}
