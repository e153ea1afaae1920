import type { Command, Option } from 'commander';
import { writeFileAtomic } from '../../formats/atomic.js';
import { sharpnessText } from '../../formats/run/sharpness.js';
import { changed, option } from '../../options/option.js';
import { text } from '../../options/values.js';
import { type SharpnessOptions, sharpnessOptions } from '../../sharpness/options.js';
import { type MeasureSharpnessOptions, measureSharpness } from '../../study/measure-sharpness.js';
import { objectiveOptions } from '../../study/model-objective.js';
import { readingOptions, subjectOptions } from '../../study/subject.js';
import { addOptions, given, valuesOf } from '../command-options.js';
import { addExamples } from '../examples.js';
import { chosenExecution, executionFlags } from '../execution-options.js';
import { fetchedData, fetchedSubject } from '../fetched.js';
import { layoutFlag, viewFlags } from '../model-view-options.js';
import { jsonFlag, quietFlag } from '../output-options.js';
import { ranksOf, ranksOption } from '../ranks.js';
import { schemaOption } from '../schema-option.js';
import { sharpnessProgress } from '../sharpness-progress.js';
import { sharpnessTable } from '../sharpness-table.js';
import { printResult, say } from '../streams.js';

const { seed: _, ...ofMeasures } = Object.fromEntries(sharpnessOptions);
const { workers, ...execution } = executionFlags;

const { data, labelSmoothing } = subjectOptions;
const { samples, batch, batchNorm, recompute } = objectiveOptions;

const OPTIONS = {
  Data: {
    ...{ data, samples, batch, batchNorm, labelSmoothing, seed: objectiveOptions.seed },
    ...readingOptions,
  },
  Model: { ...viewFlags, ...layoutFlag },
  Output: {
    json: changed(jsonFlag, { help: 'print the report as one JSON line on stdout' }),
    out: option(text, { symbol: 'file', help: 'write the report as JSON' }),
    quiet: quietFlag,
  },
  Execution: { ranks: ranksOption, ...execution, recompute },
};

const measureOptions = (): Option[] =>
  Object.entries(ofMeasures).flatMap(([name, declared]) => schemaOption('Measures', name, declared));

/** They are checked when the measures are chosen. */
const givenToMeasures = (command: Command): SharpnessOptions => valuesOf(command, Object.keys(ofMeasures));

export function addSharpness(program: Command): void {
  const command = program
    .command('sharpness')
    .description('Measure how sharp the loss is around a trained model; it is left as it is.')
    .argument('<subject>', 'the folder of a run, or MODEL.onnx or hf:OWNER/NAME (with --data)');
  for (const each of measureOptions()) command.addOption(each);
  addOptions(command, OPTIONS);
  addExamples(command, 'flatmin sharpness runs/first --measures ascent,trace --samples 500');
  command.action((subject: string) => runSharpness(command, subject));
}

async function runSharpness(command: Command, named: string): Promise<void> {
  const { json, out, quiet: asked, constant, ranks, ...rest } = given(command, OPTIONS);
  const group = await ranksOf(ranks);
  if (!group) return;
  // Rank 0 alone tells and writes.
  const quiet = asked || group.rank > 0;
  const options: MeasureSharpnessOptions = {
    ...givenToMeasures(command),
    ...rest,
    ...chosenExecution(rest),
    group,
    constants: constant,
    ...(await fetchedSubject(named, quiet)),
    ...(await fetchedData(rest.data, quiet)),
  };
  const onNote = (note: string) => {
    if (!quiet) say(note);
  };
  const progress = sharpnessProgress(quiet ? undefined : process.stderr);
  const report = await measureSharpness({ ...options, onPass: progress.onPass, onNote });
  progress.end();
  if (group.rank > 0) return;
  if (out !== undefined) await writeFileAtomic(out, sharpnessText(report));
  printResult(report, json, sharpnessTable);
}
