import { opsetOf } from '../../autodiff/prepare/opset/raise-opset.js';
import { prepareSessionModel } from '../../autodiff/prepare/session-model.js';
import { batchOf, batchSymbols, dimsOf } from '../../autodiff/prepare/shapes.js';
import { describeDecisions } from '../../autodiff/roles/decisions.js';
import { outputLoss } from '../../losses/custom.js';
import { takeScores } from '../../losses/ends/take.js';
import type { Loss } from '../../losses/loss.js';
import * as targets from '../../lowering/targets.js';
import type { Graph, ModelProto, ValueInfo } from '../../onnx/proto.js';
import { describeOwnTypes } from '../own-types.js';
import { asDeclared, countOps, describeTensor, describeValue, imageLayout, messageOf } from './describe.js';
import { examine } from './examine.js';
import type { Inspection, InspectOptions } from './inspection.js';

/** The mean of the output; of labels, of the scores behind them. */
const meanOfScores: Loss = {
  name: 'output',
  append: (scope) => outputLoss().append(scope.of(takeScores(scope))),
};

/** Sizes for open dimensions that none is given for. */
const ASSUMED = { batch: 2, other: 16 };

/**
 * Looks at a model as training would, without training it: what is trained and what is not, and each node that stands between a parameter
 * and the loss without a gradient. What is wrong with the model is told in the result, not thrown.
 */
export async function inspectModel(model: ModelProto, options: InspectOptions = {}): Promise<Inspection> {
  const { loss = meanOfScores } = options;
  const problems: string[] = [];
  const prepared = attempt(() => prepareSessionModel(model, options), problems);
  const graph = prepared?.model.graph ?? model.graph;
  const dataInputs = withoutInitializers(graph);
  const sizes = assumeSizes(dataInputs, options);
  const ofBatch = batchSymbols(dataInputs);
  const assumed = Object.keys(sizes).filter((name) => !(name in (options.dims ?? {})) && !ofBatch.has(name));
  const base = {
    model: model.graph.name ?? '',
    opset: opsetOf(model),
    loss: loss.name,
    trainingForm: prepared?.wasTraining ?? false,
    inputs: dataInputs.map((info) => describeValue(asDeclared(info, model.graph.input))),
    outputs: model.graph.output.map((info) => describeValue(asDeclared(info, model.graph.output))),
    layout: imageLayout(graph, dataInputs),
    sizes,
    ops: countOps(graph),
  };
  const found = prepared
    ? await examine(prepared, { ...options, loss, dims: sizes, assumed }, problems)
    : undefined;
  const decisions = describeDecisions(
    found?.classified ?? [],
    prepared?.splits ?? new Map(),
    prepared?.untied,
  );
  const tensors = (found?.classified ?? []).map((each) => {
    const type = prepared?.ownTypes.get(each.name) ?? each.type;
    return describeTensor({ ...each, type }, prepared?.splits);
  });
  const parameters = tensors.filter(({ kind }) => kind === 'parameter');
  const trained = tensors
    .filter(({ kind }) => kind === 'parameter' || kind === 'statistic')
    .map(({ name }) => name);
  const reports = found?.targets ?? {};
  const problem = problems[0] ?? null;
  return {
    ...base,
    trainable:
      problem === null &&
      found?.note === undefined &&
      parameters.length > 0 &&
      reports[targets.flatmin.name]?.trainable === true,
    problem,
    note: found?.note ?? null,
    ownTypes: (prepared && describeOwnTypes(prepared, trained)) ?? null,
    decisions: {
      split: decisions.split ?? null,
      tied: decisions.tied ?? null,
      untied: decisions.untied ?? null,
      unsure: decisions.unsure ?? null,
    },
    remarks: [...(prepared?.leftOut ?? []), ...(found?.remarks ?? [])],
    end: found?.end ?? null,
    parameters,
    buffers: tensors.filter(({ kind }) => kind !== 'parameter'),
    parameterCount: parameters.reduce((sum, { count }) => sum + count, 0),
    targets: reports,
  };
}

function attempt<T>(make: () => T, problems: string[]): T | undefined {
  try {
    return make();
  } catch (error) {
    problems.push(messageOf(error));
    return undefined;
  }
}

function withoutInitializers(graph: Graph): ValueInfo[] {
  const names = new Set(graph.initializer.map(({ name }) => name));
  return graph.input.filter(({ name }) => !names.has(name));
}

function assumeSizes(inputs: readonly ValueInfo[], options: InspectOptions): Record<string, number> {
  const { dims = {} } = options;
  const batch = batchOf(inputs, options) ?? ASSUMED.batch;
  const ofBatch = batchSymbols(inputs);
  const symbols = inputs.flatMap((input) => dimsOf(input) ?? []).filter((dim) => typeof dim === 'string');
  const assumed = symbols.map((symbol) => [symbol, ofBatch.has(symbol) ? batch : ASSUMED.other]);
  return { ...Object.fromEntries(assumed), ...dims };
}
