import type { Command } from 'commander';
import { changed, option } from '../../options/option.js';
import { text } from '../../options/values.js';
import { partOptions } from '../../study/open-evaluation.js';
import { predict, predictOptions } from '../../study/predict.js';
import { subjectOptions } from '../../study/subject.js';
import { addOptions, given, required } from '../command-options.js';
import { chosenExecution, executionFlags } from '../execution-options.js';
import { fetchedData, fetchedSubject } from '../fetched.js';
import { layoutFlag, viewFlags } from '../model-view-options.js';
import { jsonFlag, quietFlag } from '../output-options.js';
import { printResult, say } from '../streams.js';

const { labelSmoothing: _smoothing, ...dataOptions } = subjectOptions;
const { part, batch } = partOptions;
const { cudaGraphs: _, ...execution } = executionFlags;

const OPTIONS = {
  Data: { ...dataOptions, part, batch },
  Model: { ...viewFlags, ...layoutFlag },
  Output: {
    out: option(text, { symbol: 'file', help: 'FILE.csv, or FILE.jsonl: a line a sample' }),
    ...predictOptions,
    json: changed(jsonFlag, { help: 'print what was written as one JSON line on stdout' }),
    quiet: changed(quietFlag, { help: 'do not tell what is decided about the model' }),
  },
  Execution: execution,
};

export function addPredict(program: Command): void {
  const command = program
    .command('predict')
    .description('What any model predicts for each sample of a part of the data, into a file.')
    .argument('<subject>', 'the folder of a run, or MODEL.onnx or hf:OWNER/NAME (with --data)');
  addOptions(command, OPTIONS);
  command.action((subject: string) => runPredict(command, subject));
}

async function runPredict(command: Command, subject: string): Promise<void> {
  const { json, quiet, constant, out, ...rest } = required(command, given(command, OPTIONS), 'out');
  const samples = await predict(out, {
    ...rest,
    ...chosenExecution(rest),
    constants: constant,
    ...(await fetchedSubject(subject, quiet)),
    ...(await fetchedData(rest.data, quiet)),
    onNote: (note) => {
      if (!quiet) say(note);
    },
  });
  printResult({ out, samples }, json, () => `predictions for ${samples} samples in ${out}`);
}
