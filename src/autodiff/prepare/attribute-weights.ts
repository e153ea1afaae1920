import { describeNode } from '../../onnx/attributes.js';
import { opTable } from '../../onnx/op-table.js';
import type { Graph } from '../../onnx/proto.js';

const ML = 'ai.onnx.ml';
const linear =
  'convert it with a float Gemm or MatMul in its place (skl2onnx: black_op={"LinearClassifier", "LinearRegressor"})';
const other = 'train it in the library it came from';

/** Ops of ai.onnx.ml that hold what was learned in attributes → what to do instead. */
const MENDS: Readonly<Record<string, string>> = opTable<string>({
  LinearClassifier: linear,
  LinearRegressor: linear,
  SVMClassifier: other,
  SVMRegressor: other,
  TreeEnsemble: other,
  TreeEnsembleClassifier: other,
  TreeEnsembleRegressor: other,
});

const explain = (op: string): string =>
  `its weights are attributes of ${op}, which ONNX cannot change from outside: ${MENDS[op]}`;

/** Op key → why it has no gradient. */
export const attributeWeights: Readonly<Record<string, string>> = Object.fromEntries(
  Object.keys(MENDS).map((op) => [`${ML}:${op}`, explain(op)]),
);

/** What to say of a graph whose weights are attributes of its first such node; undefined where it has none. */
export function explainAttributeWeights({ node }: Graph): string | undefined {
  const found = node.find(({ domain, opType }) => domain === ML && opType in MENDS);
  return found && `${describeNode(found)}: ${explain(found.opType)}`;
}
