import { type Attributes, GraphBuilder } from '../../../src/onnx/builder.js';
import { int64Data, makeTensor } from '../../../src/onnx/tensors/tensor.js';
import type { Draw } from '../draw.js';
import { sizeOf, type Value } from './shapes.js';

/** A graph under way: its values, and the initializers that are to be trained. */
export class NetworkBuilder {
  readonly builder = new GraphBuilder();
  readonly values: Value[] = [];
  readonly trained: string[] = [];

  constructor(
    readonly draw: Draw,
    readonly opset: number,
  ) {}

  op(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.builder.op(opType, inputs, attributes);
  }

  /** A parameter, N(0, 1) times a scale. */
  weight(dims: readonly number[], scale = 0.6): string {
    const data = Float32Array.from({ length: sizeOf(dims) }, () => scale * this.draw.normal());
    const name = this.builder.initializer(makeTensor(this.builder.fresh('weight'), 'float', dims, data));
    this.trained.push(name);
    return name;
  }

  /** A number, as a scalar. */
  number(value: number): string {
    return this.floats([value], []);
  }

  floats(values: readonly number[], dims: readonly number[] = [values.length]): string {
    const data = Float32Array.from(values);
    return this.builder.initializer(makeTensor(this.builder.fresh('constant'), 'float', dims, data));
  }

  ints(values: readonly number[], dims: readonly number[] = [values.length]): string {
    return this.builder.initializer(makeTensor(this.builder.fresh('ints'), 'int64', dims, int64Data(values)));
  }

  /** An axis, counted from either end. */
  axis(dims: readonly number[]): { readonly axis: number; readonly stated: number } {
    const axis = this.draw.integer(0, dims.length - 1);
    return { axis, stated: this.draw.chance(0.5) ? axis : axis - dims.length };
  }

  /** Axes of an op that takes them as an attribute up to an operator set, and as an input since the next. */
  withAxes(
    opType: string,
    value: string,
    axes: readonly number[],
    since: number,
    others: Attributes = {},
  ): string {
    return this.opset >= since
      ? this.op(opType, [value, this.ints(axes)], others)
      : this.op(opType, [value], { axes, ...others });
  }
}

/** Appends nodes behind a value; undefined where its shape does not suit. */
export type Step = (net: NetworkBuilder, value: Value) => Value | undefined;
