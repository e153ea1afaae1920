import type { Command } from 'commander';
import { changed } from '../../options/option.js';
import { evaluateModel, evaluateOptions } from '../../study/evaluate.js';
import { partOptions } from '../../study/open-evaluation.js';
import { subjectOptions } from '../../study/subject.js';
import { addOptions, given } from '../command-options.js';
import { evaluationTable } from '../evaluation-table.js';
import { chosenExecution, executionFlags } from '../execution-options.js';
import { fetchedData, fetchedSubject } from '../fetched.js';
import { layoutFlag, viewFlags } from '../model-view-options.js';
import { jsonFlag, quietFlag } from '../output-options.js';
import { ranksOf, ranksOption } from '../ranks.js';
import { printResult, say } from '../streams.js';

const { part, batch } = partOptions;
const { cudaGraphs: _, ...execution } = executionFlags;

const OPTIONS = {
  Data: { ...subjectOptions, part, batch },
  Model: { ...viewFlags, ...layoutFlag },
  Metrics: evaluateOptions,
  Output: {
    json: changed(jsonFlag, { help: 'print the evaluation as one JSON line on stdout' }),
    quiet: changed(quietFlag, { help: 'do not tell what is decided about the model' }),
  },
  Execution: { ranks: ranksOption, ...execution },
};

export function addEvaluate(program: Command): void {
  const command = program
    .command('evaluate')
    .description('The loss and the metrics of any model on a part of the data.')
    .argument('<subject>', 'the folder of a run, or MODEL.onnx or hf:OWNER/NAME (with --data)');
  addOptions(command, OPTIONS);
  command.action((subject: string) => runEvaluate(command, subject));
}

async function runEvaluate(command: Command, subject: string): Promise<void> {
  const { json, quiet: asked, constant, ranks, ...rest } = given(command, OPTIONS);
  const group = await ranksOf(ranks);
  if (!group) return;
  // Rank 0 alone tells.
  const quiet = asked || group.rank > 0;
  const evaluation = await evaluateModel({
    ...rest,
    ...chosenExecution(rest),
    group,
    constants: constant,
    ...(await fetchedSubject(subject, quiet)),
    ...(await fetchedData(rest.data, quiet)),
    onNote: (note) => {
      if (!quiet) say(note);
    },
  });
  if (group.rank === 0) printResult(evaluation, json, evaluationTable);
}
