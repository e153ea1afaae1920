import type { ExperimentResults } from '../formats/run/results.js';
import { Figures } from './html/figure.js';
import { type Html, html } from './html/html.js';
import type { Folder } from './read/folder.js';
import { textOf } from './read/json.js';
import type { Run } from './read/run.js';
import { benchSections } from './sections/bench.js';
import { classesSection } from './sections/classes.js';
import { comparedCurves, runCurves } from './sections/curves.js';
import { experimentCharts, experimentCurves, experimentTable, jobsTable } from './sections/experiment.js';
import { landscapeSection } from './sections/landscape.js';
import { resultCharts, resultsSection } from './sections/results.js';
import { settingsSection } from './sections/settings.js';
import { sharpnessSection } from './sections/sharpness.js';

/** Title and content of the page about a folder. */
export function describe(folder: Folder, version: string): { title: string; content: Html } {
  const figures = new Figures();
  if (folder.kind === 'run') return describeRun(figures, folder.run, version);
  if (folder.kind === 'bench') {
    const content = html`${notes(folder.notes)}\n${benchSections(figures, folder.bench)}`;
    return { title: `Measurements ${folder.name}`, content };
  }
  return folder.kind === 'comparison'
    ? describeComparison(figures, folder, version)
    : describeExperiment(figures, folder, version);
}

function describeRun(figures: Figures, run: Run, version: string) {
  const { config, metrics } = run;
  const content = html`<p class="about">${about(run)}</p>
${notes(run.notes)}
${config ? undefined : notes(['There is no config.json: this may be no run of flatmin.'])}
${resultsSection([run])}
<h2>Training</h2>
${metrics.steps.length + metrics.epochs.length === 0 ? notes(['There are no metrics yet: metrics.jsonl is absent or empty.']) : runCurves(figures, run)}
${classesSection(figures, run)}
${sharpnessSection(figures, [run])}
${landscapeSection(figures, [run])}
${settingsSection([run], version)}`;
  return { title: `Run ${run.name}`, content };
}

function describeComparison(
  figures: Figures,
  { name, runs, notes: own }: Extract<Folder, { kind: 'comparison' }>,
  version: string,
) {
  const all = notes([...own, ...runs.flatMap((run) => run.notes)]);
  const content =
    runs.length === 0
      ? html`${all}<p class="note">No run has begun yet.</p>`
      : html`<p class="about">${runs.length} runs from the same initial values, on the same batches. ${about(runs[0]!)}</p>
${all}
${resultsSection(runs)}
${resultCharts(figures, runs)}
<h2>Training</h2>
${comparedCurves(figures, runs)}
${sharpnessSection(figures, runs)}
${landscapeSection(figures, runs)}
${settingsSection(runs, version)}`;
  return { title: `Comparison ${name}`, content };
}

function describeExperiment(
  figures: Figures,
  { name, experiment, runs, failures, notes: own }: Extract<Folder, { kind: 'experiment' }>,
  version: string,
) {
  const all = notes([
    ...own,
    ...failures.map(({ job, message }) => `Job ${job} failed: ${message}`),
    ...[...runs.values()].flatMap((run) => run.notes),
  ]);
  const begun = [...runs.values()];
  const content = experiment
    ? html`${all}
${experimentTable(experiment)}
${experimentCharts(figures, experiment)}
${experimentCurves(figures, experiment, runs)}
${jobsTable(experiment)}
${begun.length > 0 ? settingsSection(representatives(begun, experiment), version) : undefined}`
    : html`${all}
<p class="note">The experiment is not finished: there is no results.json yet. ${begun.filter(({ summary }) => summary).length} of ${begun.length} runs that have begun are trained.</p>
${begun.length > 0 ? resultsSection(begun) : undefined}
${begun.length > 0 ? settingsSection(begun, version) : undefined}`;
  return { title: experiment?.title ?? `Experiment ${name}`, content };
}

/** One run of each row: those of other seeds differ in the seed alone. */
function representatives(runs: readonly Run[], { table, jobs }: ExperimentResults): Run[] {
  return table.flatMap(({ data, variant }) => {
    const ids = jobs.filter((job) => job.data === data && job.variant === variant).map(({ id }) => id);
    return runs.find(({ name }) => ids.includes(name)) ?? [];
  });
}

function about({ config, summary }: Run): string {
  const parts = [
    config?.model && `model ${textOf(config.model)}`,
    config?.data && `data ${textOf(config.data)}`,
    config?.epochs && `${textOf(config.epochs)} ${config.epochs === 1 ? 'epoch' : 'epochs'}`,
    config?.batch && `batches of ${textOf(config.batch)}`,
    config?.precision && config.precision !== 'fp32' && `in ${textOf(config.precision)}`,
    summary?.device && summary.device !== 'cpu' && `on ${textOf(summary.device)}`,
    summary && `${summary.parameters.toLocaleString('en-US')} parameters`,
  ].filter(Boolean);
  const line = parts.join(', ');
  return line && `${line[0]!.toUpperCase()}${line.slice(1)}.`;
}

const notes = (texts: readonly string[]): Html[] => texts.map((text) => html`<p class="note">${text}</p>\n`);
