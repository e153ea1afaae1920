import { FlatminError, invalid } from '../../errors.js';
import { ownEntry } from '../../onnx/own-entry.js';
import type { Dimension, Graph, ValueInfo } from '../../onnx/proto.js';
import { dimsOf, unnamed } from '../../onnx/shapes/dimensions.js';

export { dimsOf } from '../../onnx/shapes/dimensions.js';

/** Sizes for the open dimensions of a model's inputs. */
export interface SizeOptions {
  /** Of the batch dimension: symbols with "batch" in their name, else the first dimension of each input. */
  batch?: number | undefined;
  /** By symbol, as { sequence: 128 }; win over `batch`. A dimension without a symbol is INPUT[AXIS]. */
  dims?: Readonly<Record<string, number>> | undefined;
  /** Whole shapes, by input. */
  shapes?: Readonly<Record<string, readonly number[]>> | undefined;
}

/** The open dimensions that `batch` is the size of. */
export function batchSymbols(inputs: readonly ValueInfo[]): Set<string> {
  const found = new Set<string>();
  for (const input of inputs) {
    const dims = dimsOf(input) ?? [];
    const named = dims.filter(
      (dim, axis): dim is string => isCalledBatch(dim) && dim !== unnamed(input.name, axis),
    );
    for (const symbol of named) found.add(symbol);
    if (named.length === 0 && typeof dims[0] === 'string') found.add(dims[0]);
  }
  return found;
}

const isCalledBatch = (dim: number | string): boolean => typeof dim === 'string' && /batch/i.test(dim);

/** The size of a batch: `batch`, or what `dims` give to the dimension that is called so. */
export function batchOf(inputs: readonly ValueInfo[], { batch, dims = {} }: SizeOptions): number | undefined {
  if (batch !== undefined) return batch;
  const called = [...batchSymbols(inputs)].find(
    (symbol) => isCalledBatch(symbol) && ownEntry(dims, symbol) !== undefined,
  );
  return called === undefined ? undefined : dims[called];
}

/** The sizes that options give to the open dimensions of inputs, by symbol, but for the batch: what evaluation of any batch keeps. */
export function evaluationSizes(
  inputs: readonly ValueInfo[],
  { batch: size, dims = {}, shapes = {} }: SizeOptions,
): Record<string, number> {
  const batch = batchSymbols(inputs);
  const kept = Object.entries(dims).filter(
    ([symbol, given]) => !batch.has(symbol) || (size !== undefined && given !== size),
  );
  const found = inputs.flatMap((input) =>
    (dimsOf(input) ?? []).flatMap((symbol, axis): [string, number][] => {
      const size = ownEntry(shapes, input.name)?.[axis];
      return typeof symbol === 'string' && !batch.has(symbol) && size !== undefined ? [[symbol, size]] : [];
    }),
  );
  return { ...Object.fromEntries(found), ...Object.fromEntries(kept) };
}

/**
 * A copy of the graph in which the open dimensions of its inputs have sizes. Types of other values are dropped.
 * @param partial leave the dimensions that no size is given for open
 * @throws FlatminError INVALID_ARGUMENT for a dimension without a size, or sizes that contradict each other
 */
export function fixShapes(graph: Graph, options: SizeOptions, { partial = false } = {}): Graph {
  const sizes = resolveSizes(graph.input, options);
  const input = graph.input.map((info) => {
    const dims = ownEntry(options.shapes, info.name) ?? dimsOf(info);
    if (!dims) {
      if (partial || !info.type?.tensorType) return info;
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `The model does not state how many dimensions its input "${info.name}" has: give its shape, or state it in the model.`,
      );
    }
    const dim = dims.map((size): Dimension => {
      if (typeof size === 'number') return { dimValue: size };
      const known = sizes.get(size);
      if (known !== undefined) return { dimValue: known };
      if (partial) return { dimParam: size };
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `Dimension "${size}" of input "${info.name}" (shape ${dims.join(' × ')}) has no size: give one, as dims: { "${size}": 16 } or --dim ${size}=16.`,
      );
    });
    const elemType = info.type?.tensorType?.elemType;
    return { ...info, type: { tensorType: { ...(elemType !== undefined && { elemType }), shape: { dim } } } };
  });
  return { ...graph, input, valueInfo: [] };
}

function resolveSizes(inputs: readonly ValueInfo[], options: SizeOptions): Map<string, number> {
  const { dims = {}, shapes = {} } = options;
  const batch = batchOf(inputs, options);
  const sizes = new Map<string, number>();
  const from = new Map<string, string>();
  const symbols = new Set(
    inputs.flatMap((input) => dimsOf(input) ?? []).filter((dim) => typeof dim === 'string'),
  );
  for (const [symbol, size] of Object.entries(dims)) {
    if (!symbols.has(symbol)) {
      const known = [...symbols].join(', ');
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `The model has no open dimension "${symbol}"; ${known ? `it has ${known}` : 'all its sizes are fixed'}.`,
      );
    }
    if (!Number.isSafeInteger(size) || size < 1)
      throw invalid(`dimension "${symbol}"`, 'a positive integer', size);
    sizes.set(symbol, size);
    from.set(symbol, 'dims');
  }
  for (const input of inputs) {
    const shape = ownEntry(shapes, input.name);
    const stated = dimsOf(input);
    if (!shape || !stated) continue;
    const fits =
      shape.length === stated.length &&
      stated.every((dim, axis) => typeof dim === 'string' || dim === shape[axis]);
    if (!fits) {
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `Expected "${input.name}" to have shape ${stated.join(' × ') || '(scalar)'}, but received ${shape.join(' × ') || '(scalar)'}.`,
      );
    }
    stated.forEach((dim, axis) => {
      if (typeof dim !== 'string') return;
      const size = shape[axis]!;
      const known = sizes.get(dim);
      if (known !== undefined && known !== size) {
        throw new FlatminError(
          'INVALID_ARGUMENT',
          `Dimension "${dim}" is ${known} in ${from.get(dim)}, but ${size} in "${input.name}".`,
        );
      }
      sizes.set(dim, size);
      from.set(dim, `"${input.name}"`);
    });
  }
  if (batch !== undefined) {
    const open = batchSymbols(inputs);
    for (const symbol of open) if (!sizes.has(symbol)) sizes.set(symbol, batch);
    const fixed = inputs.map((input) => dimsOf(input)?.[0]).filter((dim) => dim !== undefined);
    if (open.size === 0 && fixed.length > 0 && !fixed.includes(batch)) {
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `The model is for batches of ${fixed[0]} alone, not ${batch}: export it with an open batch dimension, or take that size.`,
      );
    }
  }
  return sizes;
}
