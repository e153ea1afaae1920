import type { GraphBuilder } from '../../onnx/builder.js';
import type { Tensor } from '../../onnx/proto.js';
import { decodeHalf, encodeFloats } from '../../onnx/tensors/floats.js';
import { DataType, dataTypeName, makeTensor, tensorData } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';

/** A constant, rounded to half precision. */
interface Rounded {
  readonly bits: Uint16Array;
  /** A finite element has become infinite. */
  readonly overflows: boolean;
  /** It is one number, and has become zero. */
  readonly vanishes: boolean;
}

/** The values of a float32 graph, each made in one precision and cast to the other at most once. */
export class Versions {
  /** Names under which values are made in half precision. */
  private readonly made = new Map<string, string>();
  /** Names of the casts of values to the precision that they are not made in. */
  private readonly casts = new Map<string, string>();
  private readonly rounded = new Map<string, Rounded>();

  /**
   * @param types of the graph under construction; those of casts are added
   * @param half float16 or bfloat16
   * @param constants initializers by name: they are rounded here, and not in every run
   */
  constructor(
    private readonly builder: GraphBuilder,
    private readonly types: ValueTypes,
    private readonly half: number,
    private readonly constants: ReadonlyMap<string, Tensor>,
  ) {}

  /** Says that a value is made in half precision, under a name. */
  makeHalf(value: string, name: string): void {
    this.made.set(value, name);
  }

  isHalf(value: string): boolean {
    return this.made.has(value);
  }

  /** The value in the precision that it is made in. */
  native(value: string): string {
    return this.made.get(value) ?? value;
  }

  inHalf(value: string): string {
    return this.made.get(value) ?? this.cast(value, this.half);
  }

  inFloat32(value: string): string {
    return this.made.has(value) ? this.cast(value, DataType.float) : value;
  }

  /** Whether half precision holds the value, if it is a constant: rounded, but neither infinite nor, as a scalar, zero. */
  holds(value: string, mayOverflow: boolean): boolean {
    if (!this.constants.has(value)) return true;
    const { overflows, vanishes } = this.round(value);
    return (mayOverflow || !overflows) && !vanishes;
  }

  private cast(value: string, to: number): string {
    const known = this.casts.get(value);
    if (known) return known;
    const hint = `${value}_${dataTypeName(to)}`;
    const { dims } = this.types.get(value)!;
    let name: string;
    if (this.constants.has(value)) {
      name = this.builder.fresh(hint);
      const type = dataTypeName(to) as keyof typeof DataType;
      this.builder.initializer(makeTensor(name, type, dims, this.round(value).bits));
    } else {
      name = this.builder.op('Cast', [this.native(value)], { to }, { outputs: [this.builder.fresh(hint)] });
    }
    this.types.set(name, { type: to, dims });
    this.casts.set(value, name);
    return name;
  }

  private round(value: string): Rounded {
    const known = this.rounded.get(value);
    if (known) return known;
    const tensor = this.constants.get(value)!;
    const values = tensorData(tensor) as Float32Array;
    const bits = encodeFloats(this.half, values) as Uint16Array;
    const back = decodeHalf(this.half, bits);
    const rounded = {
      bits,
      overflows: back.some((each, at) => !Number.isFinite(each) && Number.isFinite(values[at]!)),
      vanishes: values.length === 1 && back[0] === 0 && values[0] !== 0,
    };
    this.rounded.set(value, rounded);
    return rounded;
  }
}
