import type { Step } from './network-builder.js';
import { sizeOf } from './shapes.js';

const LARGEST_RANK = 5;

export const layout: Readonly<Record<string, Step>> = {
  transpose(net, { name, dims }) {
    const perm = net.draw.shuffle(dims.map((_, axis) => axis));
    return { name: net.op('Transpose', [name], { perm }), dims: perm.map((axis) => dims[axis]!) };
  },
  reshape(net, { name, dims }) {
    const size = sizeOf(dims);
    const divisors = [1, 2, 3, 4, 6].filter((each) => size % each === 0);
    const first = net.draw.pick(divisors);
    const shape = net.draw.pick([[size], [first, size / first], [first, 1, size / first]]);
    const open = net.draw.integer(0, shape.length - 1);
    const stated = net.draw.chance(0.5) ? shape.map((each, axis) => (axis === open ? -1 : each)) : shape;
    return { name: net.op('Reshape', [name, net.ints(stated)]), dims: shape };
  },
  flatten(net, { name, dims }) {
    const axis = net.draw.integer(0, dims.length);
    return {
      name: net.op('Flatten', [name], { axis }),
      dims: [sizeOf(dims.slice(0, axis)), sizeOf(dims.slice(axis))],
    };
  },
  unsqueeze(net, { name, dims }) {
    if (dims.length >= LARGEST_RANK) return undefined;
    const axis = net.draw.integer(0, dims.length);
    return { name: net.op('Unsqueeze', [name, net.ints([axis])]), dims: dims.toSpliced(axis, 0, 1) };
  },
  squeeze(net, { name, dims }) {
    const axis = dims.indexOf(1);
    if (axis < 0 || dims.length < 2) return undefined;
    return { name: net.op('Squeeze', [name, net.ints([axis])]), dims: dims.toSpliced(axis, 1) };
  },
  expand(net, { name, dims }) {
    const shape = dims.map((size) => (size === 1 ? net.draw.pick([1, 3]) : size));
    return { name: net.op('Expand', [name, net.ints(shape)]), dims: shape };
  },
  tile(net, { name, dims }) {
    const repeats = dims.map(() => net.draw.pick([1, 1, 2]));
    return {
      name: net.op('Tile', [name, net.ints(repeats)]),
      dims: dims.map((size, axis) => size * repeats[axis]!),
    };
  },
  concat(net, { name, dims }) {
    const { axis, stated } = net.axis(dims);
    const own = dims.with(axis, net.draw.integer(1, 3));
    const inputs = net.draw.pick([
      [name, net.weight(own)],
      [net.weight(own), name],
    ]);
    return {
      name: net.op('Concat', inputs, { axis: stated }),
      dims: dims.with(axis, dims[axis]! + own[axis]!),
    };
  },
  split(net, { name, dims }) {
    const { axis, stated } = net.axis(dims);
    const size = dims[axis]!;
    if (size < 2) return undefined;
    const first = net.draw.integer(1, size - 1);
    const parts = net.builder.ops(
      'Split',
      [name, net.ints([first, size - first])],
      { axis: stated },
      { count: 2 },
    );
    const chosen = net.draw.integer(0, 1);
    return { name: parts[chosen]!, dims: dims.with(axis, chosen === 0 ? first : size - first) };
  },
  slice(net, { name, dims }) {
    const { axis, stated } = net.axis(dims);
    const size = dims[axis]!;
    const [start, step] = [net.draw.integer(0, size - 1), net.draw.pick([1, 1, 2, -1])];
    const end = step > 0 ? size : -size - 1;
    const count = step > 0 ? Math.ceil((size - start) / step) : start + 1;
    const inputs = [start, end, stated, step].map((each) => net.ints([each]));
    return { name: net.op('Slice', [name, ...inputs]), dims: dims.with(axis, count) };
  },
  gather(net, { name, dims }) {
    const { axis, stated } = net.axis(dims);
    const count = net.draw.integer(1, 4);
    const indices = Array.from({ length: count }, () => net.draw.integer(-dims[axis]!, dims[axis]! - 1));
    const shape = net.draw.chance(0.3) ? [count, 1] : [count];
    if (dims.length + shape.length - 1 > LARGEST_RANK) return undefined;
    return {
      name: net.op('Gather', [name, net.ints(indices, shape)], { axis: stated }),
      dims: dims.toSpliced(axis, 1, ...shape),
    };
  },
  pad(net, { name, dims }) {
    const pads = Array.from({ length: 2 * dims.length }, () => net.draw.pick([0, 0, 1]));
    const mode = net.draw.pick(['constant', 'edge', 'reflect']);
    if (mode === 'reflect' && dims.some((size) => size < 2)) return undefined;
    return {
      name: net.op('Pad', [name, net.ints(pads)], { mode }),
      dims: dims.map((size, axis) => size + pads[axis]! + pads[axis + dims.length]!),
    };
  },
  'depth to space'(net, { name, dims }) {
    const [batch, channels = 0, height = 0, width = 0] = dims;
    if (dims.length !== 4 || channels % 4 !== 0) return undefined;
    const mode = net.draw.pick(['DCR', 'CRD']);
    return {
      name: net.op('DepthToSpace', [name], { blocksize: 2, mode }),
      dims: [batch!, channels / 4, 2 * height, 2 * width],
    };
  },
  'space to depth'(net, { name, dims }) {
    const [batch, channels = 0, height = 0, width = 0] = dims;
    if (dims.length !== 4 || height % 2 !== 0 || width % 2 !== 0) return undefined;
    return {
      name: net.op('SpaceToDepth', [name], { blocksize: 2 }),
      dims: [batch!, 4 * channels, height / 2, width / 2],
    };
  },
  trilu(net, { name, dims }) {
    if (dims.length < 2) return undefined;
    return { name: net.op('Trilu', [name], { upper: net.draw.integer(0, 1) }), dims };
  },
  resize(net, { name, dims }) {
    if (dims.length !== 4) return undefined;
    const scales = [1, 1, net.draw.pick([1, 2]), net.draw.pick([1, 2])];
    const mode = net.draw.pick(['nearest', 'linear']);
    const coordinate_transformation_mode = net.draw.pick(['asymmetric', 'half_pixel', 'align_corners']);
    return {
      name: net.op('Resize', [name, '', net.floats(scales)], { mode, coordinate_transformation_mode }),
      dims: dims.map((size, axis) => size * scales[axis]!),
    };
  },
};
