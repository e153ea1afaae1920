import { intsAttribute } from '../../../onnx/attributes.js';
import type { FormOf } from './form.js';

const view: FormOf = (c) => ({ kind: 'view', source: c.input(0) });

/** Operators that move no element in their order, or all of an axis. */
export const viewForms: Readonly<Record<string, FormOf>> = {
  Identity: view,
  Reshape: view,
  Flatten: view,
  Squeeze: view,
  Unsqueeze: view,
  Transpose: (c) => ({
    kind: 'view',
    source: c.input(0),
    order: intsAttribute(c.node, 'perm') ?? Array.from({ length: c.rank }, (_, axis) => c.rank - 1 - axis),
  }),
  Expand: (c) => ({ kind: 'map', operands: [c.input(0)], emit: (_, [x]) => x! }),
};
