import type { Node, Tensor } from '../../../onnx/proto.js';
import { intsOf } from '../../../onnx/tensors/constants.js';
import { DataType, elementCount, tensorData, tensorDims } from '../../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../../onnx/value-types.js';
import type { ProgramWriter, RowOp } from '../program.js';

/** A node as part of a region: how its output's axes follow from its inputs', and the program that computes it. */
export type Form = MapForm | ViewForm | ReduceForm | RowsForm;

/** An element of the output from one of each operand, by ONNX's broadcasting. */
export interface MapForm {
  readonly kind: 'map';
  /** Names of the values it reads. */
  readonly operands: readonly string[];
  /** @returns the register of the result, or the constant that it is */
  emit(program: ProgramWriter, operands: readonly number[]): number;
}

/** The same elements under other axes. */
export interface ViewForm {
  readonly kind: 'view';
  readonly source: string;
  /** The source's axis at each place, of a transposition; without it elements keep their order. */
  readonly order?: readonly number[];
}

/** One number of all elements along some axes. */
export interface ReduceForm {
  readonly kind: 'reduce';
  readonly source: string;
  readonly axes: readonly number[];
  readonly keepDims: boolean;
  readonly reduction: RowOp;
  /** What is reduced, of an element. Default: itself. */
  before?(program: ProgramWriter, element: number): number;
  /** What is made of the reduced number. Default: nothing else. */
  after?(program: ProgramWriter, reduced: number): number;
  /** What a sum is multiplied by, instead of `after`. */
  readonly scale?: number;
}

/** Each element from those along some axes: a map with reductions inside it. */
export interface RowsForm {
  readonly kind: 'rows';
  /** The first has the output's shape. */
  readonly operands: readonly string[];
  /** Axes of the output. */
  readonly axes: readonly number[];
  /** @param extent elements along the axes */
  emit(program: ProgramWriter, operands: readonly number[], extent: number): number;
}

/** What is known of a graph's values. */
export interface KnownValues {
  readonly types: ValueTypes;
  /** Initializers by name. */
  readonly constants: ReadonlyMap<string, Tensor>;
}

/** A node, and what is known of the graph around it. */
export class FormContext {
  constructor(
    readonly node: Node,
    private readonly known: KnownValues,
  ) {}

  input(index: number): string {
    return this.node.input[index] ?? '';
  }

  dims(index: number): readonly number[] {
    return this.known.types.get(this.input(index))!.dims;
  }

  get rank(): number {
    return this.dims(0).length;
  }

  /** The integers of an input, where they are constant. */
  ints(index: number): number[] | undefined {
    return intsOf({ initializer: this.known.constants.get(this.input(index)) });
  }

  /** The one number of a constant. */
  number(name: string): number | undefined {
    return scalarConstant(this.known, name);
  }

  /** Whether the value is of float32. */
  isFloat(name: string): boolean {
    return this.known.types.get(name)?.type === DataType.float;
  }
}

/** Makes the form of a node; undefined where the node cannot be part of a region. */
export type FormOf = (context: FormContext) => Form | undefined;

/** The one number of a float32 constant of any rank. */
export function scalarConstant({ constants }: KnownValues, name: string): number | undefined {
  const tensor = constants.get(name);
  if (tensor?.dataType !== DataType.float || elementCount(tensorDims(tensor)) !== 1) return undefined;
  return Number(tensorData(tensor)[0]);
}
