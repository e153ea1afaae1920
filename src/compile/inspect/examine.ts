import { decompositions } from '../../autodiff/decompose/registry.js';
import { dependents } from '../../autodiff/dependents.js';
import type { PreparedModel } from '../../autodiff/prepare/prepare.js';
import { dimsOf } from '../../autodiff/prepare/shapes.js';
import { refused } from '../../autodiff/refused.js';
import { nonDifferentiable, rules } from '../../autodiff/registry.js';
import { type Classified, classify } from '../../autodiff/roles/classify.js';
import { type TrainingGraph, trainingModel } from '../../autodiff/training-graph.js';
import { FlatminError } from '../../errors.js';
import { describeEnd, isOfOneValue } from '../../losses/ends/take.js';
import type { Loss } from '../../losses/loss.js';
import { lower } from '../../lowering/lower.js';
import * as targets from '../../lowering/targets.js';
import { describeNode } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import { ownEntry } from '../../onnx/own-entry.js';
import type { ModelProto, Node } from '../../onnx/proto.js';
import { openRuntime, type Runtime } from '../../ort/library.js';
import { MADE_FOR_ONCE, Session } from '../../ort/session.js';
import { gradientGraph } from '../build-graph.js';
import { type ForwardGraph, forwardGraph } from '../forward-graph.js';
import { messageOf } from './describe.js';
import type { Blocker, InspectedEnd, Inspection, InspectOptions, TargetReport } from './inspection.js';

export type Examined = Pick<Inspection, 'targets'> &
  Partial<Pick<Inspection, 'remarks' | 'end'>> & { classified: readonly Classified[]; note?: string };

export interface Examination extends InspectOptions {
  loss: Loss;
  /** Open dimensions whose sizes nobody gave, the batch aside. */
  assumed: readonly string[];
}

export async function examine(
  prepared: PreparedModel,
  options: Examination,
  problems: string[],
): Promise<Examined> {
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
        own.push(...(await tryLoading(runtime, whole, target, gradients)));
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

async function tryLoading(
  runtime: Runtime,
  model: ModelProto,
  target: targets.Target,
  training: TrainingGraph,
): Promise<Blocker[]> {
  try {
    const session = await Session.create(runtime, model, {
      ...MADE_FOR_ONCE,
      kernels: target.kernels,
    });
    const found = misfits(training, session.outputs);
    session.dispose();
    return found;
  } catch (error) {
    return [{ node: '', op: '', message: messageOf(error) }];
  }
}

/** Parameters that some node takes in another shape than they have, which shows in their gradients alone. */
function misfits(
  { parameters, types }: TrainingGraph,
  outputs: readonly { name: string; dims: readonly (number | string)[] | null }[],
): Blocker[] {
  const dimsOf = new Map(outputs.map(({ name, dims }) => [name, dims]));
  return parameters.flatMap(({ name, output }) => {
    const made = dimsOf.get(output);
    const own = types.get(name)?.dims;
    const fits =
      !made || !own || (made.length === own.length && own.every((size, axis) => size === made[axis]));
    const message = `"${name}" has shape [${own}], which does not fit how the model uses it: its gradient would have shape [${made}].`;
    return fits ? [] : [{ node: '', op: '', message }];
  });
}

const blocker = (node: Node, error: unknown): Blocker => ({
  node: node.name || node.output.find(Boolean) || '',
  op: opKey(node),
  message: messageOf(error),
});
