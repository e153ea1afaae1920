import type { LandscapeFile } from '../../formats/landscape-file.js';
import { landscapeChart } from '../charts/landscape-chart.js';
import { pageTheme } from '../charts/theme.js';
import { charts, type Figures } from '../html/figure.js';
import { type Html, html } from '../html/html.js';
import { formatNumber } from '../html/numbers.js';
import type { Run } from '../read/run.js';

/** Loss surfaces of the runs. */
export function landscapeSection(figures: Figures, runs: readonly Run[]): Html | undefined {
  const drawn = charts(
    runs.flatMap(({ name, landscapes }) =>
      landscapes.map((file) =>
        figures.figure(
          `${runs.length > 1 ? `${name}: l` : 'L'}oss ${file.dims === 1 ? 'along directions' : 'surface'}`,
          landscapeChart(pageTheme, file),
          about(file),
        ),
      ),
    ),
  );
  return drawn && html`<h2>Loss landscape</h2>${drawn}`;
}

function about({ normalization, to, settings, center }: LandscapeFile): string {
  const where = to ? `From the first run to ${to}` : 'Around the run';
  const how = normalization === 'filter' ? ', filter-normalised directions (Li et al. 2018)' : '';
  const samples = typeof settings.samples === 'number' ? `, ${settings.samples} training images` : '';
  const mode = typeof settings.batchNorm === 'string' ? `, BatchNorm ${settings.batchNorm}` : '';
  return `${where}${how}${samples}${mode}; loss ${formatNumber(center)} at the run's parameters.`;
}
