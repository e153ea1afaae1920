import type { Node } from '../../onnx/proto.js';
import type { Form } from './forms/form.js';

/** A node that is part of a region, or may be. */
export interface Member {
  readonly node: Node;
  readonly form: Form;
}
