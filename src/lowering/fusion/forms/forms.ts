import { opKey } from '../../../onnx/domains.js';
import { opTable } from '../../../onnx/op-table.js';
import type { Node } from '../../../onnx/proto.js';
import { DataType, elementCount } from '../../../onnx/tensors/tensor.js';
import { elementForms } from './elements.js';
import { type Form, FormContext, type FormOf, type KnownValues } from './form.js';
import { rowForms } from './rows.js';
import { viewForms } from './views.js';

/** Every operator that can be part of a region. */
export const forms = opTable<FormOf>(elementForms, viewForms, rowForms);

/** The form of a node of float32 (and bool) values with one output; undefined where it cannot be part of a region. */
export function formOf(node: Node, known: KnownValues, isRead: (name: string) => boolean): Form | undefined {
  const make = forms[opKey(node)];
  if (!make || node.output.slice(1).some((name) => name !== '' && isRead(name))) return undefined;
  const form = make(new FormContext(node, known));
  if (!form) return undefined;
  // Rows of one element are not rows of the region.
  if (form.kind === 'rows' && extentAlong(form.axes, node.output[0]!, known) === 1) return undefined;
  const takes = (name: string): boolean => {
    const type = known.types.get(name);
    const isTaken = type?.type === DataType.float || type?.type === DataType.bool;
    return isTaken && elementCount(type.dims) > 0;
  };
  return [...readByForm(form), node.output[0]!].every(takes) ? form : undefined;
}

const extentAlong = (axes: readonly number[], name: string, { types }: KnownValues): number =>
  elementCount(axes.map((axis) => types.get(name)?.dims[axis] ?? 1));

/** Values whose elements a form reads. */
export const readByForm = (form: Form): readonly string[] =>
  form.kind === 'map' || form.kind === 'rows' ? form.operands : [form.source];
