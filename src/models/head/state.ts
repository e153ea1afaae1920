import type { Node } from '../../onnx/proto.js';
import type { Edits } from './edits.js';
import type { HeadLayer } from './layer.js';
import type { Values } from './values.js';

/** How a value depends on the classes. */
export interface State {
  /** Scores or what is computed of them; labels, which count classes; places along another axis; sizes, of a shape. */
  readonly holds: 'scores' | 'labels' | 'places' | 'sizes';
  /** Axis of the classes from the end; undefined where the value has none. */
  readonly axis: number | undefined;
  /** Axes, where that is known. */
  readonly rank: number | undefined;
  /** Nothing but sums and new layouts stand between the layer and it: what is added is a bias. */
  readonly isLinear: boolean;
  /** The axes behind the classes have one element each. */
  readonly isPooled: boolean;
  /** The axis of the classes has taken in others. */
  readonly isMerged: boolean;
}

/** What the rule of an operator sees. */
export interface Following {
  readonly layer: HeadLayer;
  readonly values: Values;
  readonly edits: Edits;
  /** The new number. */
  readonly classes: number;
  /** Of a value that depends on the layer. */
  state(name: string): State | undefined;
  /** @throws FlatminError INVALID_MODEL where another input than one depends on the layer */
  only(node: Node, index: number): void;
}
