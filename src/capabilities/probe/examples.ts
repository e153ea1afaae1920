import { type AttributeValue, float } from '../../onnx/attributes.js';
import { microsoft } from '../../onnx/domains.js';
import type { Example, ExampleValue, Fill } from './example.js';

/** Gradient of an elementwise function from dy and the function's input or output. */
export const elementwise = (opType: string, dims: readonly number[], fill: Fill = 'signed'): Example => ({
  domain: microsoft,
  opType,
  inputs: { dy: { dims }, x: { dims, fill } },
  outputs: { dx: { dims } },
});

export const softmaxGrad = (opType: string, dims: readonly number[], axis: number): Example => ({
  ...elementwise(opType, dims, 'positive'),
  attributes: { axis },
});

export function crossEntropyGrad(
  dims: readonly number[],
  labelType: 'int32' | 'int64' = 'int64',
  attributes: Record<string, AttributeValue> = { reduction: 'mean' },
  weighted = false,
): Example {
  const [batch, classes, ...inner] = dims;
  const labels: ExampleValue = {
    dims: [batch!, ...inner],
    fill: [0, 1, 2, 1].map((label) => label % classes!),
    type: labelType,
  };
  return {
    domain: microsoft,
    opType: 'SoftmaxCrossEntropyLossGrad',
    inputs: {
      dloss: { dims: attributes.reduction === 'none' ? labels.dims : [] },
      logp: { dims },
      labels,
      ...(weighted && { weights: { dims: [classes!], fill: 'positive' as const } }),
    },
    outputs: { dx: { dims } },
    attributes,
  };
}

/** Over the last axis. */
export function layerNormGrad(opType: string, dims: readonly number[]): Example {
  const inner = dims.at(-1)!;
  const outer: ExampleValue = { dims: [...dims.slice(0, -1), 1], fill: 'positive', type: 'wide' };
  const simplified = opType.startsWith('Simplified');
  return {
    domain: microsoft,
    opType,
    inputs: {
      dy: { dims },
      x: { dims },
      scale: { dims: [inner] },
      ...(!simplified && { mean: outer }),
      inverse: outer,
    },
    outputs: {
      dx: { dims },
      dscale: { dims: [inner] },
      ...(!simplified && { dbias: { dims: [inner] } }),
    },
    attributes: { axis: -1 },
  };
}

export function batchNorm(dims: readonly number[]): Example {
  const channel = (fill: Fill): ExampleValue => ({ dims: [dims[1]!], fill, type: 'wide' });
  return {
    domain: microsoft,
    opType: 'BatchNormInternal',
    inputs: {
      x: { dims },
      scale: channel('signed'),
      bias: channel('signed'),
      mean: channel('signed'),
      variance: channel('positive'),
    },
    outputs: {
      y: { dims },
      newmean: channel('signed'),
      newvariance: channel('signed'),
      batchmean: channel('signed'),
      inverse: channel('signed'),
    },
    attributes: { epsilon: float(1e-5), momentum: float(0.9), training_mode: 1 },
    // Population or unbiased: a property of the device, not an error.
    free: ['newvariance'],
  };
}

export function batchNormGrad(dims: readonly number[]): Example {
  const channel: ExampleValue = { dims: [dims[1]!], fill: 'positive', type: 'wide' };
  return {
    domain: microsoft,
    opType: 'BatchNormalizationGrad',
    inputs: { dy: { dims }, x: { dims }, scale: channel, mean: channel, inverse: channel },
    outputs: { dx: { dims }, dscale: channel, dbias: channel },
    attributes: { epsilon: float(1e-5) },
  };
}

export interface WindowOptions {
  kernel: readonly number[];
  strides?: readonly number[];
  dilations?: readonly number[];
  padsBegin?: readonly number[];
  padsEnd?: readonly number[];
}

function filled(options: WindowOptions) {
  const each = (value: number) => options.kernel.map(() => value);
  const { kernel, strides = each(1), dilations = each(1), padsBegin = each(0) } = options;
  return { kernel, strides, dilations, padsBegin, padsEnd: options.padsEnd ?? padsBegin };
}

const attributesOf = ({ kernel, strides, dilations, padsBegin, padsEnd }: ReturnType<typeof filled>) => ({
  kernel_shape: kernel,
  strides,
  dilations,
  pads: [...padsBegin, ...padsEnd],
});

const outputSizes = (x: readonly number[], w: ReturnType<typeof filled>): number[] =>
  w.kernel.map((size, axis) => {
    const padded = x[axis + 2]! + w.padsBegin[axis]! + w.padsEnd[axis]!;
    return Math.floor((padded - (size - 1) * w.dilations[axis]! - 1) / w.strides[axis]!) + 1;
  });

/** @param x N×C×…  @param channels of the output */
export function convGrad(
  x: readonly number[],
  channels: number,
  options: WindowOptions,
  group = 1,
  needs: readonly ('dx' | 'dw' | 'db')[] = ['dx', 'dw', 'db'],
): Example {
  const window = filled(options);
  const w = [channels, x[1]! / group, ...window.kernel];
  const dy = [x[0]!, channels, ...outputSizes(x, window)];
  const when = (name: 'dx' | 'dw' | 'db', dims: readonly number[]) =>
    needs.includes(name) ? { dims } : undefined;
  return {
    domain: microsoft,
    opType: 'ConvGrad',
    inputs: { dy: { dims: dy }, x: { dims: x }, w: { dims: w } },
    outputs: { dx: when('dx', x), dw: when('dw', w), db: when('db', [channels]) },
    attributes: { ...attributesOf(window), group },
  };
}

/** The positions are any: one in each image and channel's own share of X, as MaxPool reports them. */
export function maxPoolGrad(x: readonly number[], options: WindowOptions): Example {
  const window = filled(options);
  const sizes = outputSizes(x, window);
  const plane = x.slice(2).reduce((product, dim) => product * dim, 1);
  const outputs = sizes.reduce((product, dim) => product * dim, 1);
  const positions = Array.from(
    { length: x[0]! * x[1]! * outputs },
    (_, at) => Math.floor(at / outputs) * plane + ((at * 7) % plane),
  );
  const dims = [x[0]!, x[1]!, ...sizes];
  return {
    domain: '',
    opType: 'MaxPoolGrad',
    inputs: { dy: { dims }, positions: { dims, fill: positions, type: 'int64' } },
    outputs: { dx: { dims: x } },
    attributes: attributesOf(window),
  };
}

export function averagePoolGrad(x: readonly number[], options: WindowOptions, includePad = 0): Example {
  const window = filled(options);
  const { dilations: _, ...attributes } = attributesOf(window);
  return {
    domain: '',
    opType: 'AveragePoolGrad',
    inputs: { dy: { dims: [x[0]!, x[1]!, ...outputSizes(x, window)] } },
    outputs: { dx: { dims: x } },
    attributes: { ...attributes, count_include_pad: includePad },
  };
}
