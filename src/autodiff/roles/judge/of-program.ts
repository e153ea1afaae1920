import { type NameKind, type Naming, nameKind, soundsComputed } from '../names.js';
import { argumentName, type Call, callOf, declaredKind, foldedFrom } from '../torch-metadata.js';
import type { Use, ValueFlow } from '../uses.js';
import { tableOf } from '../values.js';
import type { ModelEvidence } from './model-evidence.js';
import { constant, parameter, type TensorEvidence, type Verdict } from './verdict.js';

/** What the exporter wrote of it. */
export function ofProgram(
  model: ModelEvidence,
  { name, uses, values, dims, named, origin }: TensorEvidence,
): Verdict | undefined {
  const info = model.infos.get(name);
  const own = argumentName(name);
  const calls = uses.map((use) => callOf(use.node));
  if (calls.some((call) => call?.parameters.includes(`p_${own}`)))
    return parameter("a parameter of the exporter's program");
  if (calls.some((call) => call?.buffers.includes(`b_${own}`)))
    return constant("a buffer of the exporter's program");
  const kinds = calls.map((call, index) => call && kindInCall(call, uses[index]!, model.flow, own));
  if (kinds.length > 0 && kinds.every((kind) => kind === 'inside'))
    return constant("a number of the exporter's own");
  const sources = info ? foldedFrom(info).map((source) => sourceKind(model.naming, source)) : [];
  if (sources.includes('parameter')) return parameter('folded from a parameter, as the exporter notes');
  const isNumber = named === 'constant' && origin === 'constant';
  const declared = info && declaredKind(info);
  const isBuffer = declared === 'BUFFER' && uses.every(({ role }) => role === 'operand');
  if (kinds.includes('parameter') && !isNumber && !isBuffer)
    return parameter("a parameter of the exporter's program");
  // An optimizer that merges equal tensors leaves one's note on all: what the calls say wins.
  const isConstant = (kind: (typeof kinds)[number]) => kind === 'constant' || kind === 'inside';
  if (kinds.length > 0 && kinds.every(isConstant) && !sources.includes('member'))
    return constant("a number or buffer of the exporter's program");
  if (sources.includes('member') && !soundsComputed(name) && tableOf(values, dims) === undefined)
    return parameter('folded from a member of the module, as the exporter notes');
  if (sources.length > 0 && !sources.includes('member'))
    return constant('computed by the exporter of constants');
  if (declared === 'PARAMETER') return parameter("a parameter of the exporter's program");
  if (declared === 'BUFFER') return constant("a buffer of the exporter's program");
  if (declared === 'CONSTANT_TENSOR') return constant("a constant of the exporter's program");
  return undefined;
}

/** What a value is that another was folded from. */
function sourceKind(naming: Naming, name: string): NameKind {
  return soundsComputed(name) ? 'computed' : nameKind(name, naming);
}

/** PyTorch's functions that are one node each: the node's tensors are the call's arguments. */
const ELEMENTARY = new Set([
  'add',
  'addmm',
  'bmm',
  'cat',
  'conv1d',
  'conv2d',
  'div',
  'linear',
  'matmul',
  'mm',
  'mul',
  'pow',
  'sub',
  'where',
]);

/** What a tensor is to the call that its reader came of: 'inside' where it is no argument; undefined where it may be any. */
function kindInCall(
  { target, parameters, buffers, constants, others }: Call,
  { node, role }: Use,
  flow: ValueFlow,
  own: string,
): 'parameter' | 'constant' | 'inside' | undefined {
  if (parameters.length > 0) {
    if (role === 'weight') return 'parameter';
    return ELEMENTARY.has(target) && buffers.length + constants.length === 0 ? 'parameter' : undefined;
  }
  // A fused product has the note of one of its parts.
  if (role === 'weight' && !node.opType.endsWith('Normalization')) return undefined;
  if (others.some((other) => other === own)) return undefined;
  // A value that is none of this graph's may be a view of a parameter that was folded away.
  const data = node.input.filter((name) => flow.dependsOnData(name));
  const isData = (other: string) =>
    flow.dependsOnData(other) || data.some((name) => argumentName(name) === other);
  if (buffers.length + constants.length === 0 && others.length <= data.length) return 'inside';
  return others.every(isData) ? 'constant' : undefined;
}
