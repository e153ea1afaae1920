// %% [markdown]
// # Are flat minima found?
//
// Three optimizers train the same small WideResNet on the digits. Then the loss is looked at around where each of them ends.
// Three epochs and one seed show how that is done, and prove nothing.

// %%
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as echarts from 'echarts';
import { compare, makeReport, measureLandscape, measureSharpness } from 'flatmin';

const names = ['sgd', 'rand-sam', 'sam'];
const out = await mkdtemp(join(tmpdir(), 'notebook-'));
const summaries = await compare(
  names,
  { model: 'wrn-10-1', data: 'digits', epochs: 3, batch: 64, rho: 0.1, seed: 0 },
  { out },
);
for (const [name, { accuracy, generalizationGap }] of Object.entries(summaries))
  console.log(
    `${name.padEnd(9)} accuracy ${(100 * accuracy).toFixed(1)} %, gap ${generalizationGap.toFixed(3)}`,
  );

// %% [markdown]
// ## How they got there
//
// A run's folder has a line for each step in `metrics.jsonl`. The loss of Rand-SAM is that at the perturbed weights.

// %%
/** A chart of lines as SVG, by echarts. */
function chart(title, xName, series) {
  const picture = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 640, height: 320 });
  picture.setOption({
    animation: false,
    title: { text: title, left: 8, textStyle: { fontSize: 14 } },
    legend: { top: 4, right: 8 },
    grid: { left: 56, right: 24, top: 48, bottom: 48 },
    xAxis: {
      type: 'value',
      name: xName,
      nameLocation: 'middle',
      nameGap: 28,
      min: 'dataMin',
      max: 'dataMax',
    },
    yAxis: {
      type: 'value',
      name: 'loss',
      nameLocation: 'middle',
      nameGap: 36,
      scale: true,
      axisLine: { onZero: false },
    },
    series: series.map(({ name, points }) => ({ name, type: 'line', data: points, showSymbol: false })),
  });
  const svg = picture.renderToSVGString();
  picture.dispose();
  return svg;
}

const losses = async (name) =>
  (await readFile(join(out, name, 'metrics.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .flatMap(({ step, loss }) => (loss === undefined ? [] : [[step, loss]]));
const curves = await Promise.all(names.map(async (name) => ({ name, points: await losses(name) })));
show(chart('Training', 'step', curves));

// %% [markdown]
// ## How flat it is there
//
// The same measures, the same ρ and the same samples for all, whatever each was trained with.

// %%
for (const name of names) {
  const { measures } = await measureSharpness({
    run: join(out, name),
    measures: ['ascent', 'average'],
    rho: 0.5,
    samples: 200,
  });
  const [ascent, average] = [measures.ascent.value, measures.average.value].map((value) =>
    value.toPrecision(3),
  );
  console.log(`${name.padEnd(9)} ascent ${ascent}, average ${average}`);
}

// %% [markdown]
// ## The loss along a random direction
//
// The direction is scaled filter by filter, so that networks with weights of other sizes can be compared.

// %%
const around = [];
for (const name of names) {
  const { axes, curves } = await measureLandscape({
    run: join(out, name),
    samples: 200,
    points: 21,
    span: 0.5,
  });
  const { losses } = curves.find(({ direction }) => direction === 'random');
  around.push({ name, points: losses.map((loss, i) => [axes[0][i], loss]) });
}
show(chart('Around each minimum', 'multiple of the direction', around));

// %% [markdown]
// ## flatmin's own report
//
// One page that asks for nothing, so it can stand in a frame.

// %%
const report = await makeReport(out, { version: 'notebook' });
show(
  `<iframe title="Report" sandbox srcdoc="${report.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}"></iframe>`,
);
await rm(out, { recursive: true });
