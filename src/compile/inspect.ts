import { decompositions } from '../autodiff/decompose/registry.js';
import { dependents } from '../autodiff/dependents.js';
import { opsetOf } from '../autodiff/prepare/opset/raise-opset.js';
import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import { subgraphs } from '../autodiff/prepare/rename.js';
import { type ModelView, prepareSessionModel } from '../autodiff/prepare/session-model.js';
import { batchOf, batchSymbols, dimsOf } from '../autodiff/prepare/shapes.js';
import { refused } from '../autodiff/refused.js';
import { nonDifferentiable, rules } from '../autodiff/registry.js';
import { type Classified, classify } from '../autodiff/roles/classify.js';
import { type Decisions, describeDecisions } from '../autodiff/roles/decisions.js';
import { trainingModel } from '../autodiff/training-graph.js';
import { FlatminError } from '../errors.js';
import { outputLoss } from '../losses/custom.js';
import type { EndKind } from '../losses/ends/find-end.js';
import { describeEnd, isOfOneValue, takeScores } from '../losses/ends/take.js';
import type { Loss } from '../losses/loss.js';
import { lower } from '../lowering/lower.js';
import * as targets from '../lowering/targets.js';
import { describeNode } from '../onnx/attributes.js';
import { opKey } from '../onnx/domains.js';
import { ownEntry } from '../onnx/own-entry.js';
import type { Graph, ModelProto, Node, ValueInfo } from '../onnx/proto.js';
import { dataTypeName, elementCount, isFloatingPoint } from '../onnx/tensor.js';
import { openRuntime, type Runtime } from '../ort/library.js';
import { Session } from '../ort/session.js';
import { type GraphOptions, gradientGraph } from './build-graph.js';
import { type ForwardGraph, forwardGraph } from './forward-graph.js';
import { findLayout, type Layout } from './image-layout.js';
import { describeOwnTypes } from './own-types.js';

/** How training would take the model. */
export interface InspectOptions
  extends ModelView,
    Pick<GraphOptions, 'outputAsIs' | 'batch' | 'dims' | 'train' | 'alsoTrain' | 'freeze' | 'batchNorm'> {
  /** Default: the mean of the output. */
  loss?: Loss | undefined;
  /** Default: the ONNX Runtime that npm installed. */
  runtime?: Runtime | undefined;
}

/** A value of a model, as the file declares it. */
export interface InspectedValue {
  /** As in the file. */
  readonly name: string;
  /** 'float', 'int64', …; 'sequence' and the like for what is no tensor. */
  readonly type: string;
  /** Sizes, and symbols of open dimensions; null where not even the rank is stated. */
  readonly shape: readonly (number | string)[] | null;
}

/** An initializer, and what it is to training. */
export interface InspectedTensor extends InspectedValue {
  readonly shape: readonly number[];
  /** Its elements. */
  readonly count: number;
  /** What it is to training. */
  readonly kind: Classified['kind'];
  /** Why it is a parameter, or none. */
  readonly reason: string;
  /** Nodes that read it, or views of it. */
  readonly uses: number;
  /** The file does not say what it is; the kind is the likelier one. */
  readonly unsure: boolean;
  /** The tensor of the file that it is split from: an exporter had merged equal ones. */
  readonly splitFrom?: string;
}

/** A node that keeps gradients from parameters. */
export interface Blocker {
  /** Its name, or else that of its first output. */
  readonly node: string;
  /** Its operator, with its domain where that is not ONNX's. */
  readonly op: string;
  /** What is wrong, and what to do. */
  readonly message: string;
}

/** The softmax or the like that the output is. */
export interface InspectedEnd {
  /** The name of the output. */
  readonly output: string;
  /** What it is. */
  readonly kind: EndKind;
  /** 'a softmax (Softmax "head")' */
  readonly what: string;
  /** What it is taken of: the logits, which losses take in its stead; null where it is of no one value. */
  readonly input: string | null;
}

/** How an input of four axes has its channels. */
export interface InspectedLayout {
  /** The name of the input. */
  readonly input: string;
  /** null where nothing tells it. */
  readonly layout: Layout | null;
  /** What tells it. */
  readonly why: string;
}

/** Whether a model can be trained with one set of kernels. */
export interface TargetReport {
  /** Whether nothing stands in the way. */
  readonly trainable: boolean;
  /** What stands in the way. */
  readonly blockers: readonly Blocker[];
}

/** What training would find in a model. */
export interface Inspection {
  /** The name of its graph. */
  readonly model: string;
  /** Version of ONNX's operators that it uses. */
  readonly opset: number;
  /** Whether it has parameters that can be trained with flatmin's kernels, on the ONNX Runtime that npm installs. */
  readonly trainable: boolean;
  /** What keeps the whole model from being trained, whatever the runtime. */
  readonly problem: string | null;
  /** Why nodes were only looked up in the table of gradients: the sizes taken for open dimensions do not fit the model. */
  readonly note: string | null;
  /** What becomes of floating-point values that are not float32 in the file; null where there are none. */
  readonly ownTypes: string | null;
  /** What was decided of the tensors, a sentence each: merged ones that are split, ties that stay or are lost, what the file does not say. */
  readonly decisions: Readonly<Record<keyof Decisions, string | null>>;
  /** The name of the loss that was asked for. */
  readonly loss: string;
  /** What has been decided about the model that the user should know. */
  readonly remarks: readonly string[];
  /** null where the output is none that losses know. */
  readonly end: InspectedEnd | null;
  /** Of the first input of images; null where there is none. */
  readonly layout: InspectedLayout | null;
  /** Exported in training form. */
  readonly trainingForm: boolean;
  /** Those of the model that a batch has to hold. */
  readonly inputs: readonly InspectedValue[];
  /** Of the model, as the file declares them. */
  readonly outputs: readonly InspectedValue[];
  /** Sizes that were taken for open dimensions. */
  readonly sizes: Readonly<Record<string, number>>;
  /** What is trained. */
  readonly parameters: readonly InspectedTensor[];
  /** Statistics, constants and frozen weights. */
  readonly buffers: readonly InspectedTensor[];
  /** Their elements. */
  readonly parameterCount: number;
  /** Number of nodes by operator, those in bodies included. */
  readonly ops: Readonly<Record<string, number>>;
  /**
   * 'flatmin': with its own kernels. 'standard': in operators of ONNX alone. 'training': on a training build of ONNX Runtime. Empty where
   * `problem` keeps the model from being looked at.
   */
  readonly targets: Readonly<Record<string, TargetReport>>;
}

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
    trainable: problem === null && parameters.length > 0 && reports[targets.flatmin.name]?.trainable === true,
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

type Examined = Pick<Inspection, 'targets'> &
  Partial<Pick<Inspection, 'remarks' | 'end'>> & { classified: readonly Classified[]; note?: string };

interface Examination extends InspectOptions {
  loss: Loss;
  /** Open dimensions whose sizes nobody gave, the batch aside. */
  assumed: readonly string[];
}

async function examine(prepared: PreparedModel, options: Examination, problems: string[]): Promise<Examined> {
  let remarks: readonly string[] = [];
  try {
    const runtime = options.runtime ?? openRuntime();
    const { dims, loss, output, outputAsIs, train, alsoTrain, freeze } = options;
    const choice = { train, alsoTrain, freeze };
    const forward = await forwardGraph(runtime, prepared, { dims, loss, output, outputAsIs, ...choice });
    remarks = [...wrongShapes(prepared, forward, options), ...forward.notes];
    const blockers: Blocker[] = [];
    const report = (node: Node, error: unknown) => blockers.push(blocker(node, error));
    const context = { runtime, model: prepared.model, forward, report, target: targets.standard };
    const gradients = await gradientGraph({
      ...context,
      batchNorm: options.batchNorm ?? 'batch',
      precision: 'fp32',
      halfKernels: 'none',
    });
    const reports: Record<string, TargetReport> = {};
    for (const target of [targets.flatmin, targets.standard, targets.training]) {
      const own = [...blockers];
      const types = new Map(gradients.types);
      const lowered = lower(gradients.graph, types, target, (node, error) => own.push(blocker(node, error)));
      if (own.length === 0 && target !== targets.training) {
        const whole = trainingModel(lowered, types, prepared.model.opsetImport);
        own.push(...(await tryLoading(runtime, whole, target)));
      }
      reports[target.name] = { trainable: own.length === 0, blockers: own };
    }
    return {
      classified: forward.separated.classified,
      targets: reports,
      remarks,
      end: describeModelEnd(forward),
    };
  } catch (error) {
    const structure = { ...examineStructure(prepared, options), remarks };
    if (options.assumed.length > 0 && isOfRuntime(error))
      return { ...structure, note: sizesNote(error, options) };
    problems.push(messageOf(error));
    return structure;
  }
}

/** Outputs whose stated shape is not the one that the model computes. */
function wrongShapes(
  { model }: PreparedModel,
  { types }: ForwardGraph,
  { dims = {} }: Examination,
): string[] {
  return model.graph.output.flatMap((info) => {
    const [stated, found] = [dimsOf(info), types.get(info.name)?.dims];
    const isRight = (dim: number | string, axis: number) => {
      const size = typeof dim === 'number' ? dim : ownEntry(dims, dim);
      return size === undefined || size === found?.[axis];
    };
    if (!stated || !found || (stated.length === found.length && stated.every(isRight))) return [];
    return [
      `The file states the shape ${stated.join(' × ') || '(scalar)'} of the output "${info.name}", but it comes out as ${found.join(' × ') || '(scalar)'}: what is stated is not used.`,
    ];
  });
}

function describeModelEnd({ end, output }: ForwardGraph): InspectedEnd | null {
  return end
    ? {
        output: output.name,
        kind: end.kind,
        what: describeEnd(end),
        input: isOfOneValue(end) ? end.input : null,
      }
    : null;
}

function imageLayout(graph: Graph, inputs: readonly ValueInfo[]): InspectedLayout | null {
  for (const input of inputs) {
    if (!isFloatingPoint(input.type?.tensorType?.elemType ?? 0)) continue;
    const found = findLayout(graph, input);
    if (found) return { input: input.name, layout: found.layout ?? null, why: found.why };
  }
  return null;
}

/** A model may refuse sizes that nobody chose. */
const isOfRuntime = (error: unknown): boolean => !(error instanceof FlatminError) || error.code === 'RUNTIME';

function sizesNote(error: unknown, { dims = {}, assumed }: Examination): string {
  const taken = assumed.map((name) => `${name} = ${dims[name]}`).join(', ');
  const flags = assumed.map((name) => `--dim ${name}=…`).join(' ');
  return `The model does not run with ${taken}, so its nodes were not tried: give sizes that fit, ${flags}. ${messageOf(error)}`;
}

/** What can be said without shapes: the table of rules, along the paths from parameters to the loss. */
function examineStructure({ model, roles }: PreparedModel, options: InspectOptions): Examined {
  const { graph } = model;
  const outputs = options.output === undefined ? graph.output.map(({ name }) => name) : [options.output];
  let classified: Classified[] = [];
  try {
    classified = classify(graph, outputs, roles, options);
  } catch {
    return { classified, targets: {} };
  }
  const parameters = classified.filter(({ kind }) => kind === 'parameter').map(({ name }) => name);
  const active = dependents(graph.node, parameters);
  const blockers = graph.node
    .filter((node) => node.output.some((name) => active.has(name)))
    .filter((node) => {
      const key = opKey(node);
      return !(key in rules || key in decompositions || nonDifferentiable.has(key) || key === 'Dropout');
    })
    .map((node) => blocker(node, noRule(node)));
  const entry = { trainable: blockers.length === 0, blockers };
  const names = [targets.flatmin, targets.standard, targets.training].map(({ name }) => name);
  return { classified, targets: Object.fromEntries(names.map((name) => [name, entry])) };
}

const noRule = (node: Node): FlatminError =>
  new FlatminError(
    'NO_GRADIENT',
    `${describeNode(node)} has no gradient rule${refused[opKey(node)] ? ` (${refused[opKey(node)]})` : ''}: freeze the parameters before it, or replace it.`,
  );

async function tryLoading(runtime: Runtime, model: ModelProto, target: targets.Target): Promise<Blocker[]> {
  try {
    const session = await Session.create(runtime, model, {
      intraOpThreads: 1,
      optimizationLevel: 0,
      kernels: target.kernels,
    });
    session.dispose();
    return [];
  } catch (error) {
    return [{ node: '', op: '', message: messageOf(error) }];
  }
}

const blocker = (node: Node, error: unknown): Blocker => ({
  node: node.name || node.output.find(Boolean) || '',
  op: opKey(node),
  message: messageOf(error),
});

/** The message alone: a model that flatmin cannot train is a finding here, not a failure. */
const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, ' ');

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

/** A value as the file declares it: preparation may have changed its element type. */
const asDeclared = (info: ValueInfo, declared: readonly ValueInfo[]): ValueInfo =>
  declared.find(({ name }) => name === info.name) ?? info;

function describeValue(info: ValueInfo): InspectedValue {
  const { name, type } = info;
  const kind = type?.sequenceType ? 'sequence' : type?.optionalType ? 'optional' : 'unknown';
  const elemType = type?.tensorType?.elemType;
  return { name, type: elemType ? dataTypeName(elemType) : kind, shape: dimsOf(info) ?? null };
}

function describeTensor(
  { name, type, dims, kind, reason, uses, unsure }: Classified,
  splits: PreparedModel['splits'] = new Map(),
): InspectedTensor {
  const splitFrom = splits.get(name);
  return {
    name,
    type: dataTypeName(type),
    shape: dims,
    count: elementCount(dims),
    kind,
    reason,
    uses,
    unsure,
    ...(splitFrom !== undefined && { splitFrom }),
  };
}

function countOps(graph: Graph): Record<string, number> {
  const counts: Record<string, number> = Object.create(null);
  const count = ({ node }: Graph) => {
    for (const each of node) {
      const key = opKey(each);
      counts[key] = (counts[key] ?? 0) + 1;
      subgraphs(each).forEach(count);
    }
  };
  count(graph);
  return counts;
}
