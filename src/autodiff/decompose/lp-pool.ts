import { intAttribute } from '../../onnx/attributes.js';
import { extent, readWindow, type Window, windowAttributes } from '../../onnx/shapes/window.js';
import { elementCount } from '../../onnx/tensors/tensor.js';
import type { DecomposeContext, Decomposition } from './context.js';

/** |x|^p; squares need no absolute value. */
function powers(c: DecomposeContext, p: number): string {
  const x = c.input(0);
  if (p === 2) return c.op('Mul', [x, x]);
  const magnitude = c.op('Abs', [x]);
  return p === 1 ? magnitude : c.op('Pow', [magnitude, c.scalar(p)]);
}

/** Σ^(1/p) as the node's output; where Σ is 0, so is its gradient. */
function root(c: DecomposeContext, sum: string, p: number): void {
  if (p === 1) {
    c.define(0, 'Identity', [sum]);
    return;
  }
  const isZero = c.op('Equal', [sum, c.scalar(0)]);
  const others = c.op('Where', [isZero, c.scalar(1), sum]);
  const rooted = p === 2 ? c.op('Sqrt', [others]) : c.op('Pow', [others, c.scalar(1 / p)]);
  c.define(0, 'Where', [isZero, sum, rooted]);
}

/** (Σ |x|^p)^(1/p) over windows: the sum is a convolution of each channel with ones. */
const lpPool: Decomposition = (c) => {
  const [batch, channels, ...spatial] = c.dims(c.input(0)) as [number, number, ...number[]];
  const p = intAttribute(c.node, 'p', 2);
  const outputs = c.dims(c.output()).slice(2);
  const window = reaching(readWindow(c.node, spatial), spatial, outputs);
  const ones = c.floats([1, 1, ...window.kernel], Array(elementCount(window.kernel)).fill(1));
  const planes = c.reshape(powers(c, p), [batch * channels, 1, ...spatial]);
  const sums = c.op('Conv', [planes, ones], windowAttributes(window));
  root(c, c.reshape(sums, c.dims(c.output())), p);
};

/** The window with as many zeros at the end as ceil_mode's last output needs. */
function reaching(window: Window, sizes: readonly number[], outputs: readonly number[]): Window {
  const padsEnd = sizes.map((size, axis) => {
    const reached = (outputs[axis]! - 1) * window.strides[axis]! + extent(window, axis);
    return Math.max(window.padsEnd[axis]!, reached - size - window.padsBegin[axis]!);
  });
  return { ...window, padsEnd };
}

const globalLpPool: Decomposition = (c) => {
  const p = intAttribute(c.node, 'p', 2);
  const axes = c
    .dims(c.input(0))
    .slice(2)
    .map((_, axis) => axis + 2);
  root(c, c.sum(powers(c, p), axes), p);
};

export const lpPooling: Record<string, Decomposition> = { LpPool: lpPool, GlobalLpPool: globalLpPool };
