import type { Command } from 'commander';
import { parsePattern } from '../../autodiff/prepare/pattern.js';
import { LAYOUT_TEXT } from '../../compile/image-layout.js';
import { inspectModel } from '../../compile/inspect/inspect.js';
import type { InspectedTensor, InspectedValue, Inspection } from '../../compile/inspect/inspection.js';
import { printableTexts } from '../../formats/printable.js';
import { LOSS_NAMES, namedLoss } from '../../losses/named.js';
import { modelPath } from '../../models/hub-model.js';
import { readModel } from '../../onnx/model.js';
import { option } from '../../options/option.js';
import { choice, count, integer } from '../../options/values.js';
import { openRuntime, runtimeOption } from '../../ort/library.js';
import { addOptions, given } from '../command-options.js';
import { addExamples } from '../examples.js';
import { fetchedModel } from '../fetched.js';
import { longTable } from '../long-table.js';
import { choiceFlags, ctcFlags, dimFlag, statisticsFlag, viewFlags } from '../model-view-options.js';
import { jsonFlag } from '../output-options.js';
import { printResult } from '../streams.js';

const OPTIONS = {
  Model: {
    ...viewFlags,
    loss: option(choice(LOSS_NAMES), {
      symbol: 'name',
      help: 'what ends the model',
      byDefault: 'output, its mean',
    }),
    classAxis: option(integer, { symbol: 'n', help: 'of cross-entropy and nll', default: 1 }),
    batch: option(count, { symbol: 'n', help: 'samples in a batch', default: 2 }),
    dim: dimFlag,
    bn: statisticsFlag,
    ...choiceFlags,
  },
  Loss: ctcFlags,
  Execution: { runtime: runtimeOption },
  Result: { json: jsonFlag },
};

/** Nothing in the way: 0; else 1. */
export function addInspect(program: Command): void {
  const command = program
    .command('inspect')
    .description(
      'What of a model would be trained, and what keeps it from that. Exit code 0: trainable, 1: not, or not tried.',
    )
    .summary('What of a model would be trained, and what keeps it from that.')
    .argument('<model>', 'an .onnx file, or hf:OWNER/NAME');
  addOptions(command, OPTIONS);
  addExamples(
    command,
    'flatmin inspect model.onnx',
    'flatmin inspect model.onnx --loss cross-entropy --dim sequence=128',
  );
  command.action((path: string) => runInspect(path, command));
}

async function runInspect(path: string, command: Command): Promise<void> {
  const {
    output,
    outputAsIs,
    constant,
    loss,
    classAxis,
    blank,
    scoresLayout,
    batch,
    dim,
    bn,
    train,
    trainAlso,
    freeze,
    runtime,
    json,
  } = given(command, OPTIONS);
  const model = await readModel(await modelPath(await fetchedModel(path)));
  const report = await inspectModel(model, {
    output,
    outputAsIs,
    constants: constant,
    batch,
    dims: dim,
    batchNorm: bn,
    train: train?.map(parsePattern),
    alsoTrain: trainAlso?.map(parsePattern),
    freeze: freeze?.map(parsePattern),
    ...(loss && { loss: namedLoss(loss, { classAxis, ctc: { blank, layout: scoresLayout } }) }),
    ...(runtime !== undefined && { runtime: openRuntime(runtime) }),
  });
  printResult(report, json, () => describe(printableTexts(report)));
  if (!report.trainable) process.exitCode = 1;
}

const shapeText = ({ shape }: InspectedValue): string =>
  shape === null ? '?' : shape.join(' × ') || 'scalar';

const tensorTable = (tensors: readonly InspectedTensor[]): string =>
  longTable(
    ['name', 'shape', 'elements', 'nodes', 'kind', 'why'],
    tensors.map((tensor) => [
      tensor.name,
      shapeText(tensor),
      tensor.count,
      tensor.uses,
      tensor.kind,
      whyText(tensor),
    ]),
  );

const whyText = ({ reason, unsure, splitFrom }: InspectedTensor): string =>
  `${unsure ? 'unsure: ' : ''}${reason}${splitFrom === undefined ? '' : `; split from "${splitFrom}"`}`;

const layoutText = ({ input, layout, why }: NonNullable<Inspection['layout']>): string =>
  layout
    ? `Images: ${input} is ${LAYOUT_TEXT[layout]}, for ${why}`
    : `Images: ${input} may have its channels first or last, for ${why}; to train on images, say it with --layout`;

const endText = ({ output, what, input }: NonNullable<Inspection['end']>): string =>
  `Ends in: ${output} is ${what}${input === null ? '' : ` of ${input}`}`;

function verdict({ trainable, problem, note }: Inspection): string {
  if (trainable) return 'Trainable.';
  return problem === null && note !== null ? 'Not tried: give sizes that fit.' : 'Not trainable.';
}

function describe(report: Inspection): string {
  const values = (list: readonly InspectedValue[]) =>
    list.map((value) => `${value.name} (${value.type} ${shapeText(value)})`).join(', ') || 'none';
  const ops = Object.entries(report.ops).sort((a, b) => b[1] - a[1]);
  const sizes = Object.entries(report.sizes).map(([name, size]) => `${name} = ${size}`);
  const lines = [
    `Model: ${report.model}, operator set ${report.opset}${report.trainingForm ? ', in training form' : ''}`,
    `Inputs: ${values(report.inputs)}`,
    `Outputs: ${values(report.outputs)}`,
    ...(report.layout ? [layoutText(report.layout)] : []),
    ...(report.end ? [endText(report.end)] : []),
    ...report.remarks.map((remark) => `Note: ${remark}`),
    ...(sizes.length > 0 ? [`Open dimensions, taken as: ${sizes.join(', ')}`] : []),
    ...(report.ownTypes ? [report.ownTypes] : []),
    `Ops: ${ops.map(([op, count]) => `${op} ${count}`).join(', ')}`,
    '',
    `${report.parameters.length} parameters with ${report.parameterCount} elements:`,
    tensorTable(report.parameters),
    `${report.buffers.length} buffers, which are not trained:`,
    tensorTable(report.buffers),
    ...(['split', 'tied', 'untied', 'unsure'] as const)
      .map((each) => report.decisions[each])
      .filter((line) => line !== null),
    '',
    ...Object.entries(report.targets).flatMap(([name, { trainable, blockers }]) => [
      `Kernels ${name}: ${trainable ? (report.trainable ? 'a gradient for every node' : 'no node in the way') : `${blockers.length} in the way`}`,
      ...blockers.map(({ message }) => `  - ${message}`),
    ]),
    ...(report.note ? [`Note: ${report.note}`] : []),
    ...(report.problem ? [`Problem: ${report.problem}`] : []),
    verdict(report),
  ];
  return lines.join('\n');
}
