import { FlatminError } from '../../errors.js';
import { describeNode } from '../../onnx/attributes.js';
import { isStandardDomain, microsoft, opKey } from '../../onnx/domains.js';
import type { Node } from '../../onnx/proto.js';

/** The error for a model whose last layer cannot be replaced. @param reason a clause */
export const refusal = (reason: string): FlatminError =>
  new FlatminError('INVALID_MODEL', `The last layer cannot be replaced: ${reason}.`);

const QUANTISED = /[Qq]uant|QLinear|Integer|NBits|Bnb4|FpQ4|^Q(Gemm|Attention|MoE)/;
const IN_ATTRIBUTES = /^(Linear|SVM|TreeEnsemble)(Classifier|Regressor)$/;
const CONTROL = new Set(['If', 'Loop', 'Scan']);

/** Whether an operator reads or makes quantised numbers. */
export const isQuantised = ({ opType }: Node): boolean => QUANTISED.test(opType);

/** Why a node is none that the end of a model is followed through. */
export function explainNode(node: Node): string {
  const what = describeNode(node);
  if (isQuantised(node))
    return `the model is quantised there (${what}); replace the layer of the floating-point model, and quantise the result`;
  if (opKey(node).startsWith(`${microsoft}:Fused`))
    return `an optimizer has fused it (${what}); take the model from before the optimizer went over it`;
  if (IN_ATTRIBUTES.test(node.opType)) return `its weights are attributes of ${what}`;
  if (node.opType === 'ZipMap')
    return `${what} names each class; convert the model without it (zipmap=False)`;
  if (CONTROL.has(node.opType)) return `${what} stands between it and the output, or takes its place`;
  if (!isStandardDomain(node.domain))
    return `${what} is a function or an operator of its own domain, which is not looked into`;
  return `${what} stands between it and the output, or takes its place, and is not followed`;
}
