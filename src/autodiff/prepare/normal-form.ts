import { opKey } from '../../onnx/domains.js';
import type { Graph, ModelProto, ValueInfo } from '../../onnx/proto.js';
import { liftTensors } from './bodies.js';
import { toEvaluationForm } from './evaluation-form.js';
import { toFloat32 } from './float32.js';
import { foldSources, type Origin } from './fold-sources.js';
import { dropIdentityTransposes } from './identity-transposes.js';
import { inlineFunctions } from './inline-functions.js';
import { raiseOpset } from './opset/raise-opset.js';
import { subgraphs } from './rename.js';
import { sortModel } from './sort-nodes.js';

/** A forward model in the one form that later stages read, and where it came from. */
export interface NormalForm {
  /**
   * Flat but for control flow, operator set 17 or newer, all constants as initializers that are no inputs, all floating-point values
   * float32, everything in evaluation form.
   */
  readonly model: ModelProto;
  /** Where the value of each initializer is in the model it was made from; constants of functions and raised nodes are not listed. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** Other names that the file has for an initializer. */
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  /** ONNX element types that initializers have in the file, by name, where that is not float32. */
  readonly ownTypes: ReadonlyMap<string, number>;
  /** Floating-point types, other than float32, of anything in the file. */
  readonly otherTypes: ReadonlySet<number>;
  /** BatchNormalization or Dropout nodes came in training form. */
  readonly wasTraining: boolean;
  /** What the file notes of values. */
  readonly infos: readonly ValueInfo[];
}

/** One step to the normal form: what it makes of the model, and finds out about it. */
type Step = (form: NormalForm) => Partial<NormalForm>;

const withGraph = ({ model }: NormalForm, graph: Graph) => ({ model: { ...model, graph } });

const sortNodes: Step = ({ model }) => ({
  model: sortModel(model, `Model "${model.graph.name ?? ''}"`),
});

const inlineLocalFunctions: Step = ({ model }) => ({ model: inlineFunctions(model) });

const raiseOperatorSet: Step = ({ model }) => ({ model: raiseOpset(model) });

const widenFloats: Step = (form) => {
  const { graph, ownTypes, otherTypes } = toFloat32(form.model.graph);
  return { ...withGraph(form, graph), ownTypes, otherTypes };
};

const dropTransposes: Step = (form) => withGraph(form, dropIdentityTransposes(form.model.graph));

const foldConstantSources: Step = (form) => {
  const { graph, origins, aliases } = foldSources(form.model.graph);
  return { ...withGraph(form, graph), origins, aliases };
};

const liftTensorsOfBodies: Step = (form) => {
  const { graph, origins } = liftTensors(form.model.graph);
  return { ...withGraph(form, graph), origins: new Map([...form.origins, ...origins]) };
};

const evaluate: Step = (form) => {
  const { graph, wasTraining } = toEvaluationForm(form.model.graph);
  return { ...withGraph(form, graph), wasTraining };
};

const STEPS: readonly Step[] = [
  sortNodes,
  inlineLocalFunctions,
  raiseOperatorSet,
  widenFloats,
  dropTransposes,
  foldConstantSources,
  liftTensorsOfBodies,
  evaluate,
];

/** @param given a valid model whose bodies' values have names of their own */
export function normalForm(given: ModelProto): NormalForm {
  let form: NormalForm = {
    model: given,
    origins: new Map(),
    aliases: new Map(),
    ownTypes: new Map(),
    otherTypes: new Set(),
    wasTraining: false,
    infos: given.graph.valueInfo,
  };
  for (const step of STEPS) form = { ...form, ...step(form) };
  const own = ownTensors(given.graph);
  return { ...form, origins: new Map([...form.origins].filter(([name]) => own.has(name))) };
}

/** Names of tensors that the graph or a body in it holds. */
function ownTensors(graph: Graph): Set<string> {
  const own = new Set(graph.initializer.map(({ name }) => name ?? ''));
  for (const node of graph.node) {
    const key = opKey(node);
    if (key === 'Constant' || key === 'ConstantOfShape') own.add(node.output[0] ?? '');
    for (const body of subgraphs(node)) for (const name of ownTensors(body)) own.add(name);
  }
  return own;
}
