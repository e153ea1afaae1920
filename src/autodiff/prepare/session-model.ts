import type { Graph, ModelProto } from '../../onnx/proto.js';
import { withOutput } from './chosen-output.js';
import { fixInputs, type InputConstants, openConstants } from './fixed-inputs.js';
import { type PreparedModel, prepareModel } from './prepare.js';

/** What a session takes a model for; the model itself stays as it is. */
export interface ModelView {
  /** Inputs that are constant in the session, by name: no batch holds them, and control flow that hangs on them is resolved. */
  constants?: InputConstants | undefined;
  /** The value that the loss takes: an output of the model or any value inside. Default: its first output of floats. */
  output?: string | undefined;
}

/**
 * Prepares a model as a session takes it.
 * @throws FlatminError what prepareModel throws; INVALID_ARGUMENT for constants that do not fit, INVALID_MODEL for an unknown output
 */
export function prepareSessionModel(given: ModelProto, { constants = {}, output }: ModelView): PreparedModel {
  const prepared = prepareModel(given);
  const { graph } = prepared.model;
  const viewed = withOutput(fixInputs(withDefaults(graph, given.graph, constants), constants), output);
  const isOwn = ([name]: readonly [string, unknown]) => !Object.hasOwn(constants, name);
  const origins = new Map([...prepared.origins].filter(isOwn));
  const roles = new Map([...prepared.roles].filter(isOwn));
  return {
    ...prepared,
    model: { ...prepared.model, graph: viewed },
    origins,
    roles,
    constants: openConstants(viewed, constants),
  };
}

/** The inputs of a prepared graph, and those with a default that are to be constant. */
function withDefaults(graph: Graph, given: Graph, constants: InputConstants): Graph {
  const names = new Set(graph.initializer.map(({ name }) => name));
  const defaults = given.input.filter(({ name }) => names.has(name) && Object.hasOwn(constants, name));
  return defaults.length === 0 ? graph : { ...graph, input: [...graph.input, ...defaults] };
}
