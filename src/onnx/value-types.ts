/** Element type (ONNX number) and static shape of a tensor value. */
export interface ValueType {
  readonly type: number;
  readonly dims: readonly number[];
}

/** What is known about each value of a graph, by name. */
export type ValueTypes = Map<string, ValueType>;
