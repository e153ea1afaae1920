import {
  floatAttribute,
  intAttribute,
  intsAttribute,
  stringAttribute,
} from '../../../src/onnx/attributes.js';
import { filled, forEachIndex, generate, normalizeAxes, sizeOf, stridesOf } from '../nd-array.js';
import type { Op, OpTable } from './op.js';

/** The pixel that stands for one outside the image; undefined where that counts as zero. */
function pixelAt(index: number, size: number, padding: string, aligned: boolean): number | undefined {
  if (index >= 0 && index < size) return index;
  if (padding === 'zeros') return undefined;
  if (padding === 'border') return Math.min(Math.max(index, 0), size - 1);
  let at = index;
  // Mirrors are the centres of the outermost pixels, or their outer edges.
  while (at < 0 || at >= size)
    at = at < 0 ? -at - (aligned ? 0 : 1) : 2 * (size - 1) - at + (aligned ? 0 : 1);
  return at;
}

const cubic = (x: number): number => {
  const [a, d] = [-0.75, Math.abs(x)];
  if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
};

const roundHalfEven = (x: number): number => {
  const rounded = Math.round(x);
  return Math.abs(x % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
};

const gridSample: Op = ([x, grid], node) => {
  const [batch, channels, ...sizes] = x!.dims as [number, number, ...number[]];
  const outputs = grid!.dims.slice(1, -1);
  const aligned = intAttribute(node, 'align_corners', 0) === 1;
  const padding = stringAttribute(node, 'padding_mode', 'zeros');
  const mode = stringAttribute(node, 'mode', 'linear');
  const y = filled([batch, channels, ...outputs]);
  const [inputSize, points] = [sizeOf(sizes), sizeOf(outputs)];
  const strides = stridesOf(sizes);
  for (let n = 0; n < batch; n++) {
    for (let point = 0; point < points; point++) {
      let reads: [number, number][] = [[0, 1]];
      sizes.forEach((size, axis) => {
        const g = grid!.data[(n * points + point) * sizes.length + sizes.length - 1 - axis]!;
        const at = aligned ? ((g + 1) / 2) * (size - 1) : ((g + 1) * size - 1) / 2;
        const base = Math.floor(at);
        const own: [number, number][] =
          mode === 'nearest'
            ? [[roundHalfEven(at), 1]]
            : mode.endsWith('cubic')
              ? [-1, 0, 1, 2].map((tap) => [base + tap, cubic(at - base - tap)])
              : [0, 1].map((tap) => [base + tap, 1 - Math.abs(at - base - tap)]);
        reads = reads.flatMap(([offset, weight]) =>
          own.flatMap(([index, w]): [number, number][] => {
            const pixel = pixelAt(index, size, padding, aligned);
            return pixel === undefined ? [] : [[offset + pixel * strides[axis]!, weight * w]];
          }),
        );
      });
      for (let c = 0; c < channels; c++) {
        const plane = (n * channels + c) * inputSize;
        y.data[(n * channels + c) * points + point] = reads.reduce(
          (sum, [offset, weight]) => sum + weight * x!.data[plane + offset]!,
          0,
        );
      }
    }
  }
  return [y];
};

const affineGrid: Op = ([theta, size], node) => {
  const [batch, , ...sizes] = Array.from(size!.data) as [number, number, ...number[]];
  const axes = sizes.length;
  const aligned = intAttribute(node, 'align_corners', 0) === 1;
  return [
    generate([batch, ...sizes, axes], (index) => {
      const [n, row] = [index[0]!, index[axes + 1]!];
      let sum = theta!.data[(n * axes + row) * (axes + 1) + axes]!;
      for (let column = 0; column < axes; column++) {
        const axis = axes - 1 - column;
        const [at, length] = [index[axis + 1]!, sizes[axis]!];
        const coordinate = aligned ? (2 * at) / (length - 1) - 1 : (2 * at + 1) / length - 1;
        sum += theta!.data[(n * axes + row) * (axes + 1) + column]! * coordinate;
      }
      return sum;
    }),
  ];
};

/** Bilinear value of a plane as RoiAlign defines it. */
function bilinear(plane: Float64Array, height: number, width: number, y: number, x: number): number {
  if (y < -1 || y > height || x < -1 || x > width) return 0;
  const [row, column] = [Math.min(Math.max(y, 0), height - 1), Math.min(Math.max(x, 0), width - 1)];
  const [top, left] = [Math.floor(row), Math.floor(column)];
  const [bottom, right] = [Math.min(top + 1, height - 1), Math.min(left + 1, width - 1)];
  const [down, along] = [row - top, column - left];
  return (
    (1 - down) * ((1 - along) * plane[top * width + left]! + along * plane[top * width + right]!) +
    down * ((1 - along) * plane[bottom * width + left]! + along * plane[bottom * width + right]!)
  );
}

const roiAlign: Op = ([x, rois, batchIndices], node) => {
  const [, channels, height, width] = x!.dims as [number, number, number, number];
  const [outHeight, outWidth] = [
    intAttribute(node, 'output_height', 1),
    intAttribute(node, 'output_width', 1),
  ];
  const samples = intAttribute(node, 'sampling_ratio', 0);
  const scale = floatAttribute(node, 'spatial_scale', 1);
  const half = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel') === 'half_pixel';
  return [
    generate([rois!.dims[0]!, channels, outHeight, outWidth], ([r, c, ph, pw]) => {
      const [x1, y1, x2, y2] = [0, 1, 2, 3].map(
        (i) => rois!.data[r! * 4 + i]! * scale - (half ? 0.5 : 0),
      ) as [number, number, number, number];
      const [w, h] = half ? [x2 - x1, y2 - y1] : [Math.max(x2 - x1, 1), Math.max(y2 - y1, 1)];
      const start = (batchIndices!.data[r!]! * channels + c!) * height * width;
      const plane = x!.data.subarray(start, start + height * width);
      let sum = 0;
      for (let iy = 0; iy < samples; iy++) {
        for (let ix = 0; ix < samples; ix++) {
          const y = y1 + ((ph! + (iy + 0.5) / samples) * h) / outHeight;
          sum += bilinear(plane, height, width, y, x1 + ((pw! + (ix + 0.5) / samples) * w) / outWidth);
        }
      }
      return sum / samples ** 2;
    }),
  ];
};

const centerCropPad: Op = ([x, shape], node) => {
  const rank = x!.dims.length;
  const axes = normalizeAxes(
    intsAttribute(
      node,
      'axes',
      x!.dims.map((_, axis) => axis),
    ),
    rank,
  );
  const dims = [...x!.dims];
  axes.forEach((axis, i) => {
    dims[axis] = shape!.data[i]!;
  });
  const strides = stridesOf(x!.dims);
  return [
    generate(dims, (index) => {
      let offset = 0;
      for (let axis = 0; axis < rank; axis++) {
        const difference = x!.dims[axis]! - dims[axis]!;
        const at =
          index[axis]! + (difference > 0 ? Math.floor(difference / 2) : -Math.floor(-difference / 2));
        if (at < 0 || at >= x!.dims[axis]!) return 0;
        offset += at * strides[axis]!;
      }
      return x!.data[offset]!;
    }),
  ];
};

const col2Im: Op = ([x, imageShape, blockShape], node) => {
  const [image, block] = [Array.from(imageShape!.data), Array.from(blockShape!.data)];
  const ones = image.map(() => 1);
  const strides = intsAttribute(node, 'strides', ones);
  const dilations = intsAttribute(node, 'dilations', ones);
  const pads = intsAttribute(
    node,
    'pads',
    [...image, ...image].map(() => 0),
  );
  const counts = image.map((size, axis) => {
    const extent = dilations[axis]! * (block[axis]! - 1) + 1;
    return Math.floor((size + pads[axis]! + pads[axis + image.length]! - extent) / strides[axis]!) + 1;
  });
  const [taps, blocks, pixels] = [sizeOf(block), sizeOf(counts), sizeOf(image)];
  const [batch, rows] = x!.dims as [number, number];
  const channels = rows / taps;
  const y = filled([batch, channels, ...image]);
  const imageStrides = stridesOf(image);
  for (let plane = 0; plane < batch * channels; plane++) {
    forEachIndex(block, (tap, tapOffset) => {
      forEachIndex(counts, (start, startOffset) => {
        const at = start.map((s, axis) => s * strides[axis]! + tap[axis]! * dilations[axis]! - pads[axis]!);
        if (at.some((p, axis) => p < 0 || p >= image[axis]!)) return;
        const offset = at.reduce((sum, p, axis) => sum + p * imageStrides[axis]!, 0);
        y.data[plane * pixels + offset]! += x!.data[(plane * taps + tapOffset) * blocks + startOffset]!;
      });
    });
  }
  return [y];
};

/** Without output_shape the size is what the pooling that gave the indices had, as far as it can be told. */
const maxUnpool: Op = ([x, indices, shape], node) => {
  const kernel = intsAttribute(node, 'kernel_shape', []);
  const strides = intsAttribute(
    node,
    'strides',
    kernel.map(() => 1),
  );
  const pads = intsAttribute(
    node,
    'pads',
    [...kernel, ...kernel].map(() => 0),
  );
  const dims = shape
    ? Array.from(shape.data)
    : x!.dims.map((size, at) => {
        const axis = at - 2;
        if (axis < 0) return size;
        return (size - 1) * strides[axis]! + kernel[axis]! - pads[axis]! - pads[axis + kernel.length]!;
      });
  const y = filled(dims);
  x!.data.forEach((value, at) => {
    y.data[indices!.data[at]!] = value;
  });
  return [y];
};

export const sampling: OpTable = {
  GridSample: gridSample,
  AffineGrid: affineGrid,
  RoiAlign: roiAlign,
  CenterCropPad: centerCropPad,
  Col2Im: col2Im,
  MaxUnpool: maxUnpool,
};
