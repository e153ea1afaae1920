import { Resvg } from '@resvg/resvg-js';
import type { LandscapeFile } from '../formats/landscape-file.js';
import { landscapeChart } from './charts/landscape-chart.js';
import { light } from './charts/theme.js';

const WIDTH = 720;

/** A loss surface as pictures that stand alone, on white. */
export function landscapePictures(file: LandscapeFile): { svg: string; png: Uint8Array } {
  const { svg } = landscapeChart(light, file, WIDTH);
  return { svg, png: svgToPng(svg) };
}

/** Draws an SVG picture as PNG, twice as large: sharp on screens of 2 dots a pixel. Text takes the system's fonts. */
function svgToPng(svg: string, background = '#ffffff'): Uint8Array {
  return new Resvg(svg, { background, fitTo: { mode: 'zoom', value: 2 }, font: { loadSystemFonts: true } })
    .render()
    .asPng();
}
