import type { Objective } from '../../../src/sharpness/objective.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import { ParameterSpace, type Vector } from '../../../src/vectors/parameter-space.js';

export const tensors = [
  { name: 'conv.weight', dims: [3, 2, 2, 2] },
  { name: 'bn.scale', dims: [3] },
  { name: 'dense.weight', dims: [5, 3] },
  { name: 'dense.bias', dims: [5] },
];

const curvature = (k: number, i: number): number => 1 + ((3 * k + i) % 5);

/** L(w) = ½ Σ aᵢwᵢ² in JavaScript, on a real parameter space. */
export class FakeObjective implements Objective {
  readonly space: ParameterSpace;
  readonly samples = 1;

  constructor(frozen: readonly string[] = []) {
    const groups = frozen.map((parameters) => ({ parameters, frozen: true }));
    this.space = new ParameterSpace(tensors, groups, new CpuDevice(2));
    tensors.forEach(({ name, dims }, k) => {
      const count = dims.reduce((product, dim) => product * dim, 1);
      const values = Float32Array.from({ length: count }, (_, i) => Math.sin(1 + 3 * k + 2 * i));
      this.space.arena.write(this.space.parameters, name, values);
    });
  }

  async loss(at: Vector = this.space.parameters): Promise<number> {
    return this.form(at, at) / 2;
  }

  async gradient(at: Vector = this.space.parameters): Promise<number> {
    tensors.forEach(({ name }, k) => {
      const gradient = this.read(at, name).map((value, i) => curvature(k, i) * value);
      this.space.arena.write(this.space.gradient, name, gradient);
    });
    return this.loss(at);
  }

  /** uᵀAv */
  form(u: Vector, v: Vector): number {
    return tensors.reduce((sum, { name }, k) => {
      const [x, y] = [this.read(u, name), this.read(v, name)];
      return sum + x.reduce((part, value, i) => part + curvature(k, i) * value * y[i]!, 0);
    }, 0);
  }

  read(vector: Vector, name: string): Float32Array {
    return this.space.arena.read(vector, name);
  }

  /** Every byte of the parameters. */
  get bytes(): Uint8Array {
    const all = new Uint8Array(this.space.parameters.byteLength);
    this.space.parameters.read(all);
    return all;
  }
}
