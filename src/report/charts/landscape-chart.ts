import type { LandscapeFile } from '../../formats/landscape-file.js';
import { formatTick } from '../html/numbers.js';
import { grid, valueAxis } from './axes.js';
import { cividis } from './color-scale.js';
import { contour } from './contours.js';
import { lineChart } from './line-chart.js';
import { type Chart, FONT_SIZE, render } from './render.js';
import type { Theme } from './theme.js';
import { isWide } from './wide.js';

/** Losses as places on the colour scale. */
type Shares = readonly (readonly (number | null)[])[];

const CURVES: Record<string, string> = {
  random: 'random direction',
  gradient: 'gradient direction',
  to: 'line to the other run',
};

/** A loss surface: curves for 1-D, colours with contour lines for 2-D. */
export function landscapeChart(theme: Theme, file: LandscapeFile, width?: number): Chart {
  return file.dims === 1 ? curves(theme, file, width) : surface(theme, file, width);
}

function curves(theme: Theme, { axes, curves = [], to }: LandscapeFile, width?: number): Chart {
  return lineChart(theme, {
    x: {
      name: to ? 'a: 0 at the first run, 1 at the second' : 'a, multiple of the filter-normalised direction',
    },
    y: { name: 'loss', log: isWide(curves.flatMap(({ losses }) => losses)) },
    series: curves.map(({ direction, losses }) => ({
      name: CURVES[direction] ?? direction,
      points: axes[0]!.map((a, i) => [a, losses[i] ?? null] as const),
    })),
    ...(width !== undefined && { width }),
  });
}

const CONTOURS = 9;
const BAR = 92;

interface Api {
  coord(point: readonly number[]): [number, number];
}

function surface(theme: Theme, file: LandscapeFile, width = 570): Chart {
  const [as, bs] = [file.axes[0]!, file.axes[1]!];
  const losses = file.losses!;
  const finite = losses.flat().filter((loss) => loss !== null);
  const scale = lossScale(finite);
  const shares = losses.map((row) => row.map((loss) => (loss === null ? null : scale.share(loss))));
  const height = Math.round(width * 0.8);
  const axisNames = file.to
    ? ['a: 0 at the first run, 1 at the second', 'b, multiple of the orthogonal direction']
    : ['a, multiple of the first direction', 'b, multiple of the second direction'];
  const axisOf = (side: 'x' | 'y', name: string, [min, max]: readonly [number, number]) => ({
    ...valueAxis(theme, side, { name, min, max }),
    splitLine: { show: false },
  });
  return render(
    {
      grid: { ...grid(16), right: BAR },
      xAxis: axisOf('x', axisNames[0]!, ends(as)),
      yAxis: axisOf('y', axisNames[1]!, ends(bs)),
      series: [
        once((api) => cells(api, as, bs, shares)),
        once((api) => lines(api, as, bs, shares)),
        once((api) => runs(api, file.to !== null)),
        once((api) => colorBar(api, theme, ends(as)[1], ends(bs), scale)),
      ],
    },
    { theme, width, height },
  );
}

/** A series that draws one group. */
const once = (draw: (api: Api) => object[]) => ({
  type: 'custom',
  silent: true,
  clip: false,
  data: [[0, 0]],
  renderItem: (_: unknown, api: Api) => ({ type: 'group', children: draw(api) }),
});

interface LossScale {
  share(loss: number): number;
  at(share: number): number;
}

/** Logarithmic where the losses span more than a factor of four: valleys and walls are both seen. */
function lossScale(losses: readonly number[]): LossScale {
  const low = losses.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = losses.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (!(high > low)) return { share: () => 0, at: () => low };
  if (low > 0 && high > 4 * low) {
    const range = Math.log(high / low);
    return { share: (loss) => Math.log(loss / low) / range, at: (share) => low * Math.exp(share * range) };
  }
  return { share: (loss) => (loss - low) / (high - low), at: (share) => low + share * (high - low) };
}

const ends = (values: readonly number[]): [number, number] => [values[0]!, values.at(-1)!];

/** Coloured squares between the points: bilinear interpolation, in steps hardly seen. */
function cells(api: Api, as: readonly number[], bs: readonly number[], shares: Shares): object[] {
  const parts = Math.max(1, Math.min(6, Math.round(60 / as.length)));
  const shapes: object[] = [];
  for (let j = 0; j + 1 < bs.length; j++) {
    for (let i = 0; i + 1 < as.length; i++) {
      const [a, b, c, d] = [shares[j]![i]!, shares[j]![i + 1]!, shares[j + 1]![i]!, shares[j + 1]![i + 1]!];
      if (a === null || b === null || c === null || d === null) continue;
      const [left, bottom] = api.coord([as[i]!, bs[j]!]);
      const [right, top] = api.coord([as[i + 1]!, bs[j + 1]!]);
      for (let v = 0; v < parts; v++) {
        for (let u = 0; u < parts; u++) {
          const [s, t] = [(u + 0.5) / parts, (v + 0.5) / parts];
          const share = (1 - t) * ((1 - s) * a + s * b) + t * ((1 - s) * c + s * d);
          const width = (right - left) / parts;
          const height = (bottom - top) / parts;
          shapes.push(
            rect(left + u * width, bottom - (v + 1) * height, width + 0.6, height + 0.6, cividis(share)),
          );
        }
      }
    }
  }
  return shapes;
}

/** Lines at equal steps of the colour. */
function lines(api: Api, as: readonly number[], bs: readonly number[], shares: Shares): object[] {
  return Array.from({ length: CONTOURS }, (_, i) => (i + 0.5) / CONTOURS).flatMap((level) => {
    const stroke = level < 0.5 ? '#ffffff' : '#000000';
    return contour(as, bs, shares, level).map(([from, to]) => {
      const [[x1, y1], [x2, y2]] = [api.coord(from), api.coord(to)];
      return { type: 'line', shape: { x1, y1, x2, y2 }, style: { stroke, lineWidth: 1, opacity: 0.75 } };
    });
  });
}

/** A mark at each run. */
function runs(api: Api, hasSecond: boolean): object[] {
  return [[0, 0], ...(hasSecond ? [[1, 0]] : [])].map((at) => {
    const [cx, cy] = api.coord(at);
    return {
      type: 'circle',
      shape: { cx, cy, r: 5 },
      style: { fill: '#d55e00', stroke: '#ffffff', lineWidth: 2 },
    };
  });
}

const STEPS = 60;

function colorBar(
  api: Api,
  theme: Theme,
  right: number,
  [low, high]: readonly [number, number],
  scale: LossScale,
): object[] {
  const [edge, bottom] = api.coord([right, low]);
  const [, top] = api.coord([right, high]);
  const x = edge + 16;
  const height = (bottom - top - 22) / STEPS;
  const y = (share: number) => bottom - share * height * STEPS;
  const steps = Array.from({ length: STEPS }, (_, i) =>
    rect(x, y((i + 1) / STEPS), 14, height + 0.6, cividis((i + 0.5) / STEPS)),
  );
  const label = (text: string, at: number, left = x + 20) => ({
    type: 'text',
    style: { text, x: left, y: at, fill: theme.ink, fontSize: FONT_SIZE - 1, verticalAlign: 'middle' },
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) =>
    label(formatTick(Number(scale.at(share).toPrecision(3))), y(share)),
  );
  return [...steps, ...ticks, label('loss', top + 4, x)];
}

const rect = (x: number, y: number, width: number, height: number, fill: string) => ({
  type: 'rect',
  shape: { x, y, width, height },
  style: { fill },
});
