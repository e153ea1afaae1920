import { float } from '../../onnx/attributes.js';
import type { Attributes } from '../../onnx/builder.js';
import { elementCount } from '../../onnx/tensors/tensor.js';
import { type Axis, extentOf, type Layout, leavesOf, stridesOf } from './axis.js';
import { type KnownValues, scalarConstant } from './forms/form.js';
import type { RegionPlan } from './plan.js';
import { type Instruction, ProgramWriter, regionOps } from './program.js';

/** The operator that runs a region's program, of the domain "flatmin". */
export const REGION = 'Region';

/** A region as a node of op `Region`. */
export interface RegionNode {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** Columns that a row gets where all of a region is one row without reductions: rows are what threads share. */
const COLUMNS_OF_FLAT = 4096;

export function emitRegion(plan: RegionPlan, known: KnownValues): RegionNode {
  const { inputs, outputs } = plan;
  const writer = writeProgram(plan, known);
  const strides = (name: string) => stridesOf(plan.layouts.get(name)!);
  const tensors = [...inputs, ...outputs].map(strides);
  const given = { rows: collapse(plan.rows, tensors), columns: collapse(plan.columns, tensors) };
  const space = hasReduction(writer.instructions) ? given : splitFlat(given);
  const axes = [...space.rows, ...space.columns];
  const table = (names: readonly string[], offset: number) =>
    names.flatMap((_, index) => axes.map(({ strides: each }) => each[offset + index]!));
  const dims = outputs.map((name) => known.types.get(name)!.dims);
  const isEmpty = axes.length === 0;
  const padded = (values: number[], count: number) => (isEmpty ? Array<number>(count).fill(0) : values);
  return {
    inputs,
    outputs,
    attributes: {
      axes: isEmpty ? [1] : axes.map(({ size }) => size),
      columns: space.columns.length,
      input_strides: padded(table(inputs, 0), inputs.length),
      output_strides: padded(table(outputs, inputs.length), outputs.length),
      output_dims: dims.flatMap((each) => [each.length, ...each]),
      ...encodeProgram(writer),
    },
  };
}

const hasReduction = (instructions: readonly Instruction[]): boolean =>
  instructions.some(({ op }) => op.startsWith('Row') || op === 'ColumnSum');

/** An axis of the iteration space and each tensor's stride along it. */
interface SpaceAxis {
  readonly size: number;
  readonly strides: readonly number[];
}

/** Joins neighbours that are one axis in every tensor. */
function collapse(axes: readonly Axis[], tensors: readonly ReadonlyMap<Axis, number>[]): SpaceAxis[] {
  const joined: SpaceAxis[] = [];
  for (const axis of axes) {
    const inner = { size: axis.size, strides: tensors.map((strides) => strides.get(axis) ?? 0) };
    const outer = joined.at(-1);
    const isOne = outer?.strides.every((stride, index) => stride === inner.strides[index]! * inner.size);
    if (outer && isOne) joined.splice(-1, 1, { ...inner, size: outer.size * inner.size });
    else joined.push(inner);
  }
  return joined;
}

interface RegionSpace {
  readonly rows: readonly SpaceAxis[];
  readonly columns: readonly SpaceAxis[];
}

/** Cuts a single long row into several. */
function splitFlat({ rows, columns }: RegionSpace): RegionSpace {
  const [only] = columns;
  if (rows.length > 0 || columns.length !== 1 || only!.size <= COLUMNS_OF_FLAT) return { rows, columns };
  let size = COLUMNS_OF_FLAT;
  while (only!.size % size !== 0) size--;
  const outer = { size: only!.size / size, strides: only!.strides.map((stride) => stride * size) };
  return { rows: [outer], columns: [{ ...only!, size }] };
}

function writeProgram(plan: RegionPlan, known: KnownValues): ProgramWriter {
  const { members, inputs, outputs, layouts, columnSums } = plan;
  const program = new ProgramWriter();
  const registers = new Map<string, number>();
  const operandOf = (name: string): number => {
    const constant = scalarConstant(known, name);
    if (constant !== undefined) return program.constant(constant);
    const made = registers.get(name);
    return made ?? program.op('Load', inputs.indexOf(name));
  };
  const scaled = (register: number, scale: number | undefined) =>
    scale === undefined ? register : program.op('Mul', register, program.constant(scale));
  const isOutput = (name: string) => outputs.includes(name);
  const store = (name: string, value: number) => {
    if (!isOutput(name)) return;
    // A constant has no register to store.
    const register = value >= 0 ? value : program.op('Add', value, program.constant(0));
    program.result('Store', register, outputs.indexOf(name));
  };
  for (const { node, form } of members) {
    const name = node.output[0]!;
    if (form.kind === 'reduce') {
      const source = operandOf(form.source);
      const element = form.before?.(program, source) ?? source;
      if (columnSums.has(name)) {
        program.result('ColumnSum', scaled(element, form.scale), outputs.indexOf(name));
        continue;
      }
      const reduces = reducedExtent(layouts.get(form.source)!, layouts.get(name)!) > 1;
      const reduced = scaled(reduces ? program.op(form.reduction, element) : element, form.scale);
      registers.set(name, form.after?.(program, reduced) ?? reduced);
    } else if (form.kind === 'rows') {
      const layout = layouts.get(name)!;
      const extent = extentOf(leavesOf(form.axes.map((axis) => layout[axis]!)));
      registers.set(name, form.emit(program, form.operands.map(operandOf), extent));
    } else if (form.kind === 'map') registers.set(name, form.emit(program, form.operands.map(operandOf)));
    else registers.set(name, operandOf(form.source));
    store(name, registers.get(name)!);
  }
  return program;
}

const reducedExtent = (source: Layout, result: Layout): number =>
  elementCount(source.map(({ size }) => size)) / elementCount(result.map(({ size }) => size));

/** As attributes of a node. Five numbers an instruction: its operation, the register that it defines, if any, and up to three operands. */
export function encodeProgram({ instructions, constants }: ProgramWriter): Attributes {
  let registers = 0;
  const code = instructions.flatMap(({ op, operands: [a = 0, b = 0, c = 0] }) => {
    const isResult = op === 'Store' || op === 'ColumnSum';
    return [regionOps.indexOf(op), isResult ? 0 : registers++, a, b, c];
  });
  return { code, constants: float(constants.length > 0 ? constants : [0]) };
}
