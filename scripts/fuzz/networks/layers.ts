import { float } from '../../../src/onnx/attributes.js';
import type { NetworkBuilder, Step } from './network-builder.js';
import { windows } from './shapes.js';

/** Strides, pads and dilations for two axes, and what becomes of the sizes; undefined where nothing is left. */
function windowOf({ draw }: NetworkBuilder, [height, width]: readonly number[], withDilations: boolean) {
  const kernel = [draw.integer(1, 3), draw.integer(1, 3)];
  const strides = [draw.integer(1, 2), draw.integer(1, 2)];
  const dilations = withDilations ? [draw.integer(1, 2), draw.integer(1, 2)] : [1, 1];
  // Less than a kernel, as pools demand.
  const pads = [...kernel, ...kernel].map((size) => draw.integer(0, Math.min(1, size - 1)));
  const sizes = [height!, width!].map((size, axis) =>
    windows(size, pads[axis]! + pads[axis + 2]!, kernel[axis]!, strides[axis]!, dilations[axis]!),
  );
  return sizes.every((size) => size >= 1) ? { kernel, strides, dilations, pads, sizes } : undefined;
}

export const layers: Readonly<Record<string, Step>> = {
  product(net, { name, dims }) {
    if (dims.length < 2) return undefined;
    const columns = net.draw.integer(1, 5);
    const weight = net.weight([dims.at(-1)!, columns]);
    return { name: net.op('MatMul', [name, weight]), dims: [...dims.slice(0, -1), columns] };
  },
  'product from the left'(net, { name, dims }) {
    if (dims.length < 2) return undefined;
    const rows = net.draw.integer(1, 4);
    const weight = net.weight([rows, dims.at(-2)!]);
    return { name: net.op('MatMul', [weight, name]), dims: [...dims.slice(0, -2), rows, dims.at(-1)!] };
  },
  gemm(net, { name, dims }) {
    if (dims.length !== 2) return undefined;
    const [transA, transB, columns] = [
      net.draw.integer(0, 1),
      net.draw.integer(0, 1),
      net.draw.integer(1, 5),
    ];
    const [rows, inner] = transA ? [dims[1]!, dims[0]!] : [dims[0]!, dims[1]!];
    const weight = net.weight(transB ? [columns, inner] : [inner, columns]);
    const bias = net.draw.pick([[], [net.weight([columns])], [net.weight([rows, 1])], [net.weight([])]]);
    const factors = { alpha: float(net.draw.uniform(0.3, 1.3)), beta: float(net.draw.uniform(0.3, 1.3)) };
    return {
      name: net.op('Gemm', [name, weight, ...bias], { transA, transB, ...factors }),
      dims: [rows, columns],
    };
  },
  einsum(net, { name, dims }) {
    if (dims.length !== 3) return undefined;
    const columns = net.draw.integer(1, 4);
    const equation = net.draw.pick(['abc,cd->abd', 'abc,cd->adb', 'abc,cd->bd']);
    const shapes: Record<string, number[]> = {
      'abc,cd->abd': [dims[0]!, dims[1]!, columns],
      'abc,cd->adb': [dims[0]!, columns, dims[1]!],
      'abc,cd->bd': [dims[1]!, columns],
    };
    return {
      name: net.op('Einsum', [name, net.weight([dims[2]!, columns])], { equation }),
      dims: shapes[equation]!,
    };
  },
  convolution(net, { name, dims }) {
    if (dims.length !== 4) return undefined;
    const [batch, channels, ...spatial] = dims as [number, number, number, number];
    const window = windowOf(net, spatial, true);
    if (!window) return undefined;
    const { kernel, strides, dilations, pads, sizes } = window;
    const group = net.draw.chance(0.3) ? channels : channels % 2 === 0 && net.draw.chance(0.3) ? 2 : 1;
    const features = group * net.draw.integer(1, 3);
    const weight = net.weight([features, channels / group, ...kernel], 0.4);
    const bias = net.draw.chance(0.5) ? [net.weight([features])] : [];
    const attributes = { group, strides, dilations, pads };
    return { name: net.op('Conv', [name, weight, ...bias], attributes), dims: [batch, features, ...sizes] };
  },
  'convolution of lines'(net, { name, dims }) {
    if (dims.length !== 3) return undefined;
    const [batch, channels, length] = dims as [number, number, number];
    const [kernel, stride] = [net.draw.integer(1, 3), net.draw.integer(1, 2)];
    const size = windows(length, 2, kernel, stride);
    const features = net.draw.integer(1, 4);
    const inputs = [name, net.weight([features, channels, kernel], 0.4)];
    return {
      name: net.op('Conv', inputs, { strides: [stride], pads: [1, 1] }),
      dims: [batch, features, size],
    };
  },
  'transposed convolution'(net, { name, dims }) {
    if (dims.length !== 4) return undefined;
    const [batch, channels, ...spatial] = dims as [number, number, number, number];
    const [kernel, strides] = [
      [net.draw.integer(1, 3), net.draw.integer(1, 3)],
      [net.draw.integer(1, 2), net.draw.integer(1, 2)],
    ];
    const features = net.draw.integer(1, 3);
    return {
      name: net.op('ConvTranspose', [name, net.weight([channels, features, ...kernel], 0.4)], { strides }),
      dims: [batch, features, ...spatial.map((size, axis) => (size - 1) * strides[axis]! + kernel[axis]!)],
    };
  },
  pool(net, { name, dims }) {
    if (dims.length !== 4) return undefined;
    const opType = net.draw.pick(['MaxPool', 'AveragePool', 'LpPool']);
    const window = windowOf(net, dims.slice(2), false);
    if (!window) return undefined;
    const { kernel, strides, pads, sizes } = window;
    const include = opType === 'AveragePool' ? { count_include_pad: net.draw.integer(0, 1) } : {};
    return {
      name: net.op(opType, [name], { kernel_shape: kernel, strides, pads, ...include }),
      dims: [...dims.slice(0, 2), ...sizes],
    };
  },
  'global pool': (net, { name, dims }) =>
    dims.length < 3
      ? undefined
      : {
          name: net.op(net.draw.pick(['GlobalAveragePool', 'GlobalMaxPool']), [name]),
          dims: [...dims.slice(0, 2), ...dims.slice(2).map(() => 1)],
        },
  'instance normalisation'(net, { name, dims }) {
    if (dims.length < 3) return undefined;
    const inputs = [name, net.weight([dims[1]!]), net.weight([dims[1]!])];
    return { name: net.op('InstanceNormalization', inputs, { epsilon: float(0.1) }), dims };
  },
  'layer normalisation'(net, { name, dims }) {
    const axis = net.draw.integer(0, dims.length - 1);
    const own = dims.slice(axis);
    const inputs = [name, net.weight(own), ...(net.draw.chance(0.7) ? [net.weight(own)] : [])];
    return { name: net.op('LayerNormalization', inputs, { axis, epsilon: float(0.1) }), dims };
  },
  'batch normalisation'(net, { name, dims }) {
    if (dims.length < 2) return undefined;
    const channels = dims[1]!;
    const numbers = (low: number, high: number) =>
      net.floats(Array.from({ length: channels }, () => net.draw.uniform(low, high)));
    const inputs = [name, net.weight([channels]), net.weight([channels]), numbers(-1, 1), numbers(0.5, 2)];
    return { name: net.op('BatchNormalization', inputs, { epsilon: float(0.01) }), dims };
  },
  softmax: (net, { name, dims }) => ({
    name: net.op(net.draw.pick(['Softmax', 'LogSoftmax']), [name], { axis: net.axis(dims).stated }),
    dims,
  }),
};
