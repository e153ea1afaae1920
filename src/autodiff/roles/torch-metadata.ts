import type { Node, StringEntry } from '../../onnx/proto.js';

/**
 * What PyTorch's exporter of traced programs (torch.onnx, `dynamo=True`) writes beside nodes and values: of which call a node came, and
 * which arguments were parameters (`p_…`), buffers (`b_…`) and constants (`c_…`) of the program.
 */
const CALL = 'pkg.torch.onnx.fx_node';
const SCOPES = 'pkg.torch.onnx.name_scopes';
const KIND = 'pkg.torch.export.graph_signature.InputSpec.kind';
const FOLDED = 'pkg.onnxscript.optimizer.folded_from';
const RULES = 'pkg.onnxscript.rewriter.rule_name';

type WithMetadata = { readonly metadataProps?: readonly StringEntry[] };

const property = ({ metadataProps }: WithMetadata, key: string): string | undefined =>
  metadataProps?.find((entry) => entry.key === key)?.value;

/** 'PARAMETER', 'BUFFER' or another kind of input of the program. */
export const declaredKind = (value: WithMetadata): string | undefined => property(value, KIND);

const texts = (list: string | undefined): string[] =>
  [...(list ?? '').matchAll(/'([^']*)'/g)].map(([, text]) => text!);

/** The values that an optimizer folded into one. */
export const foldedFrom = (value: WithMetadata): string[] => texts(property(value, FOLDED));

/** The rules by which an optimizer made a node of others. */
export const rulesOf = (node: Node): string[] =>
  (property(node, RULES) ?? '').split(',').flatMap((rule) => rule.trim() || []);

/** The module that a node is of, as 'layer1.0.bn2'; undefined where the file does not say. */
export function scopeOf(node: Node): string | undefined {
  const list = property(node, SCOPES);
  if (list === undefined) return undefined;
  const scopes = texts(list);
  return scopes.length > 1 ? scopes.at(-2) : undefined;
}

/** Arguments of the call that a node came of. */
export interface Call {
  /** 'mul', 'layer_norm': the function of PyTorch. */
  readonly target: string;
  readonly parameters: readonly string[];
  readonly buffers: readonly string[];
  readonly constants: readonly string[];
  /** Values that other calls made, or inputs. */
  readonly others: readonly string[];
}

export function callOf(node: Node): Call | undefined {
  const text = property(node, CALL);
  const args = text && /\(args = \((.*)$/s.exec(text)?.[1];
  const target = /target=torch\.ops\.\w+\.(\w+)/.exec(text ?? '')?.[1] ?? '';
  if (args === undefined || args === '') return undefined;
  const names = [...args.matchAll(/%(\w+)/g)].map(([, name]) => name!.toLowerCase());
  const starting = (prefix: string) => names.filter((name) => name.startsWith(prefix));
  return {
    target,
    parameters: starting('p_'),
    buffers: starting('b_'),
    constants: starting('c_'),
    others: names.filter((name) => !/^[pbc]_/.test(name)),
  };
}

/** The argument that a tensor of this name is in calls, after 'p_', 'b_' or 'c_'. */
export const argumentName = (name: string): string => name.replace(/\W/g, '_').toLowerCase();

/** Whether the call that a node came of has a tensor of this name among its arguments. */
export function callsName(node: Node, name: string): boolean {
  const call = callOf(node);
  const own = argumentName(name);
  return [...(call?.parameters ?? []), ...(call?.buffers ?? [])].some(
    (argument) => argument.slice(2) === own,
  );
}
