import type { LandscapeFile } from '../formats/landscape-file.js';
import { landscapeChart } from './charts/landscape-chart.js';
import { light } from './charts/theme.js';
import { svgToPng } from './png.js';

const WIDTH = 720;

/** A loss surface as pictures that stand alone, on white. */
export function landscapePictures(file: LandscapeFile): { svg: string; png: Uint8Array } {
  const { svg } = landscapeChart(light, file, WIDTH);
  return { svg, png: svgToPng(svg) };
}
