import { copyMessage } from '../../onnx/model.js';
import type { ModelProto } from '../../onnx/proto.js';
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
  const graph = withOutput(fixInputs(given.graph, constants), output);
  if (graph === given.graph) return prepareModel(given);
  const viewed = Object.assign(copyMessage(given), { graph: Object.assign(copyMessage(given.graph), graph) });
  const prepared = prepareModel(viewed);
  const origins = new Map([...prepared.origins].filter(([name]) => !Object.hasOwn(constants, name)));
  return { ...prepared, origins, constants: openConstants(prepared.model.graph, constants) };
}
