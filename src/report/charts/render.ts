import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent, LegendComponent, MarkLineComponent } from 'echarts/components';
import type { EChartsCoreOption } from 'echarts/core';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { Theme } from './theme.js';

echarts.use([BarChart, LineChart, ScatterChart, CustomChart]);
echarts.use([GridComponent, LegendComponent, MarkLineComponent, SVGRenderer]);

const FONT = "system-ui, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif";
export const FONT_SIZE = 13;

/** A chart as SVG text, and what it shows for those who cannot see it. */
export interface Chart {
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

/** Draws a chart of ECharts without a browser. Nothing in it answers to the pointer. */
export function render(
  option: EChartsCoreOption,
  { theme, width, height }: { theme: Theme; width: number; height: number },
): Chart {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({
      animation: false,
      textStyle: { color: theme.ink, fontFamily: FONT, fontSize: FONT_SIZE },
      ...option,
    });
    return { svg: tidy(chart.renderToSVGString()), width, height };
  } finally {
    chart.dispose();
  }
}

/** Drops what only scripts read; sets the names of clipping paths to those of any other rendering of the chart. */
function tidy(svg: string): string {
  return svg
    .replace(/<style\s*>[\s\S]*?<\/style>/g, '')
    .replace(/ (ecmeta_\w+|class|pointer-events)="[^"]*"/g, '')
    .replace(/ xmlns:xlink="[^"]*"| baseProfile="[^"]*"| version="[^"]*"/g, '')
    .replace(/\bzr\d+-/g, 'clip-')
    .replace(/>\n+</g, '><');
}
