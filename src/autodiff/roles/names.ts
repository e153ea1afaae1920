import type { Graph, Tensor } from '../../onnx/proto.js';
import { callOf } from './torch-metadata.js';

/**
 * What a name says of a tensor. 'parameter': only learned values are called so; 'member': a member of the user's module, learned or
 * not; 'folded': a parameter or buffer that an exporter laid out differently; 'formula': a number, or the result of arithmetic;
 * 'computed': a table that the exporter computed; 'constant': a constant of the exporter; 'plain': nothing.
 */
export type NameKind = 'parameter' | 'member' | 'folded' | 'formula' | 'computed' | 'constant' | 'plain';

/**
 * How the names of a graph are made: by PyTorch's tracing exporter, by its exporter of programs, by paths in modules, or in a way that is
 * not known.
 */
export type Naming = 'traced' | 'program' | 'modules' | 'unknown';

/** PyTorch's tracing exporter calls nodes '/layer1/bn/Conv' and their results '/layer1/bn/Conv_output_0'. */
export function namingOf({ node, initializer }: Graph): Naming {
  if (node.some(({ name, output }) => name?.startsWith('/') && /^\/.*_output_\d+$/.test(output[0] ?? '')))
    return 'traced';
  if (node.some((each) => callOf(each))) return 'program';
  const isMember = ({ name = '' }: Tensor) => PATH.test(name) && LEARNED.test(name);
  return initializer.some(isMember) ? 'modules' : 'unknown';
}

/** Last parts of names that modules and layers give to what they learn. */
const LEARNED =
  /(^|[._/])(weights?|bias(es)?|kernel|gamma|beta|embeddings?|embedding_table|(depthwise|pointwise|recurrent)_kernel|weight_[gv]|(weight|bias)_(ih|hh)\w*|coefficients?|intercepts?)\d*(:0)?$/i;
/** TensorFlow's reads of variables, PaddlePaddle's weights. */
const VARIABLE =
  /(ReadVariableOp|\/read|\/resource|_resource|\/batchnorm\/(mul|sub))(_\d+)?(:0)?$|\.[wb]_\d+(\.\w+)?$/;

const CONSTANT =
  /^(val_\d+|(p2o\.)?(helper|auto)\.\w+\.\d+|.*Constant(_\d+)?(_output_\d+)?|.*[Cc]onst(ant)?_*\d*(:0)?|_?tensor_constant\d*|.*lifted_tensor_\d+|.*\/raised_\d+|new_const\w*|\w+cst\d*)$/;
/** What TensorFlow's converter and PyTorch's tracing exporter computed of others while they converted. */
const FOLDED = /^onnx::\w+_\d+$|const_fold_opt_+\d+(:0)?$|\/(Reshape|ExpandDims|Transpose)(_\d+)?:0$/;
/** A result that another tool computed beforehand, by the operator that made it. */
const RESULT = /^\/(?:.*\/)?([A-Z]\w*?)(?:_\d+)?_output_\d+$/;
/** Nobody writes these of a number: what they are of was learned. */
const REPARAMETRISED = new Set(['Abs', 'Exp', 'Neg', 'Sigmoid', 'Softmax', 'Softplus', 'Tanh']);
const REPARAMETRISING = /^(abs|exp|neg|sigmoid|softmax|softplus|tanh)(_\d+)?$/;
const LAID_OUT = new Set([
  'Cast',
  'Concat',
  'Expand',
  'Gather',
  'Identity',
  'Reshape',
  'Slice',
  'Split',
  'Squeeze',
  'Tile',
  'Transpose',
  'Unsqueeze',
]);

/** PyTorch's op names, which its exporter gives to tables. */
const COMPUTED =
  /^(arange|cos|full|full_like|linspace|logical_\w+|masked_fill|ones|ones_like|scalar_tensor(_default)?|sin|tril|triu|where|zeros|zeros_like)(_\d+)?$/;
/** Names of numbers in formulas, and of what the exporter took from its own op. */
const FORMULA =
  /^(.*\/)?(_to_copy|add|clone|const\w*|detach|div|truediv|eps|epsilon|exponent|half|lift_fresh\w*|mul|negate|num_classes|one|unity|pow|prod_operand|reciprocal|r?sqrt|scalar\w*|sqrt|sub|two|zero|[xy])(_\d+)?(:0)?$|(_recip|\/[xy])(_\d+)?(:0)?$|ConstantFolding\//i;

/** Names that PyTorch's exporter of programs gives to results: of the function, with a count. */
const RESULTS =
  /^(_?to_copy|abs|add|alias|arange|as_strided|bitwise_\w+|cast|cat|clamp|clone|constant_pad_nd|copy|cos|detach|div|embedding|eq|exp|expand|fill|flatten|floor\w*|full\w*|gather|ge|getitem|gt|index\w*|le|lift\w*|linear|log|logical_\w+|lt|masked_fill|mean|mul|ne|neg|new_\w+|ones\w*|permute|pow|repeat\w*|reshape|roll|rsqrt|scalar_tensor|scatter\w*|select\w*|shape|size|axes|value|alpha|beta|min_val|max_val|sigmoid|sin|slice\w*|softmax|softplus|split\w*|sqrt|squeeze|stack|sub|sum|t|tanh|tmp|transpose|tril|triu|unbind|unsqueeze|view|where|zeros\w*|val)(_\d+)?$|_cast$/;

/** A member of a module: identifiers with dots between. */
const PATH = /^[A-Za-z_]\w*(\.(\d+|[A-Za-z_]\w*))+$/;

/** What people call a tensor; not what a converter numbers. */
const WORD = /^[A-Za-z_]\w*$/;
/** What converters number. */
const NUMBERED = /^([a-z]{1,3}|const\w*|input|node|out|output|tensor|tmp|val|value|var|variable)_?\d+$/i;

/** Members that hold what was measured or computed beforehand, by custom. */
const BUFFER =
  /(^|[./])((running|pixel|image|input|data|feature|norm|channel|rgb|target)_)?(mean|std|var|variance|stddev|inv_freq|(attn_|causal_|attention_)?mask|position_ids|anchors?|(base_)?grid|window|filt|(\w+_)?basis(_\w+)?|mel\w*|fb|filterbank|dft\w*|\w*cached|(alibi_)?slopes|buffer|eager_tmp|Rsqrt)(_?\d+)?(:0)?$/i;

export function nameKind(name: string, naming: Naming): NameKind {
  if (VARIABLE.test(name)) return 'parameter';
  if (COMPUTED.test(name)) return 'computed';
  if (REPARAMETRISING.test(name)) return 'parameter';
  if (FOLDED.test(name)) return 'folded';
  if (CONSTANT.test(name)) return 'constant';
  const [, op] = RESULT.exec(name) ?? [];
  if (op) return REPARAMETRISED.has(op) ? 'parameter' : LAID_OUT.has(op) ? 'folded' : 'formula';
  if (LEARNED.test(name)) return 'parameter';
  if (PATH.test(name) || (naming === 'traced' && WORD.test(name))) return 'member';
  if (FORMULA.test(name)) return 'formula';
  const isResult = RESULTS.test(name) || (naming === 'program' && /_\d+$/.test(name));
  return WORD.test(name) && !isResult && !NUMBERED.test(name) ? 'member' : 'plain';
}

/** Whether a name is that of a function which keeps a learned value in bounds. */
export const isReparametrised = (name: string): boolean =>
  REPARAMETRISING.test(name) || REPARAMETRISED.has(RESULT.exec(name)?.[1] ?? '');

/** Whether a name is one that means and deviations, masks, grids and other tables have by custom. */
export const soundsComputed = (name: string): boolean => BUFFER.test(name);
