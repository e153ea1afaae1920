import type { Graph } from './proto.js';
import type { ValueTypes } from './value-types.js';

/** A graph and what is known of its values. */
export interface TypedGraph {
  readonly graph: Graph;
  readonly types: ValueTypes;
}
