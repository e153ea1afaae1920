import type { Node } from '../../onnx/proto.js';
import { slotName } from './slots.js';
import { callOf, scopeOf } from './torch-metadata.js';
import type { Use, ValueFlow } from './uses.js';

/** Nodes back that a shared weight is looked for. */
const DEPTH = 8;

/** The module of a node that PyTorch's tracing exporter named, '/layer1/layer1.0/bn2/Conv': 'layer1.0.bn2'. */
export function tracedScope(node: Pick<Node, 'name'>): string | undefined {
  if (!node.name?.startsWith('/')) return undefined;
  const parts = node.name.slice(1).split('/').slice(0, -1);
  const path: string[] = [];
  for (const part of parts) {
    // A part repeats the part that it is a member of.
    if (path.length > 0 && part.startsWith(`${path.at(-1)}.`)) path.pop();
    path.push(part);
  }
  return path.join('.');
}

/** The module that a node belongs to, where its exporter wrote that. */
export const moduleOf = (node: Node): string | undefined => scopeOf(node) || tracedScope(node);

/** The exporter counts the calls of one module: 'bn', 'bn_1', 'bn_2'. */
const withoutCount = (scope: string): string => scope.replace(/_\d+(?=\.|$)/g, '');
/** Clones in a list differ by their number there: 'layers.0.linear', 'layers.1.linear'. */
export const withoutNumbers = (scope: string): string =>
  scope.replace(/(^|\.)\d+(?=\.|$)/g, '$1#').replace(/\d+(?=\.|$)/g, '#');

/** Tells whether two uses of a tensor are of one module, as those of the two branches of a siamese network. */
export class Modules {
  private readonly weighted = new Map<Node, boolean>();

  /** @param trained the tensor of the file that a value is a copy of, where its values are no initial ones */
  constructor(
    private readonly flow: ValueFlow,
    private readonly trained: (value: string) => string | undefined,
  ) {}

  /** Whether two uses of a tensor that was trained, or has random values, are of one: clones in a list begin equal. */
  areTied(a: Use, b: Use): boolean {
    const [callA, callB] = [callOf(a.node), callOf(b.node)];
    if (callA?.parameters.length && callB?.parameters.length && callA.target === callB.target)
      return callA.parameters.some((name) => callB.parameters.includes(name));
    const [scopeA, scopeB] = [moduleOf(a.node), moduleOf(b.node)];
    if (!scopeA || !scopeB || a.node.opType !== b.node.opType) return true;
    const [moduleA, moduleB] = [withoutCount(scopeA), withoutCount(scopeB)];
    return moduleA === moduleB || withoutNumbers(moduleA) !== withoutNumbers(moduleB);
  }

  /** Whether two uses of a tensor that has a module's initial values are of one module. */
  areOne(a: Use, b: Use): boolean {
    const sameSlot =
      a.node.opType === b.node.opType && slotName(a.node, a.index) === slotName(b.node, b.index);
    // Parts that a concatenation puts side by side are read at one place.
    if (a.node === b.node) return a.index !== b.index && slotName(a.node, a.index) === undefined;
    const [callA, callB] = [callOf(a.node), callOf(b.node)];
    if (callA?.parameters.length && callB?.parameters.length) {
      const same = callA.parameters.join() === callB.parameters.join();
      return same && (sameSlot || callA.parameters.length === 1);
    }
    if (sameSlot && this.followOne(a, b)) return true;
    const [scopeA, scopeB] = [scopeOf(a.node), scopeOf(b.node)];
    if (scopeA && scopeB) return sameSlot && scopeA === scopeB && this.shareWeights(a.node, b.node, 0);
    const [traceA, traceB] = [tracedScope(a.node), tracedScope(b.node)];
    if (traceA === undefined || traceB === undefined) return sameSlot && this.shareWeights(a.node, b.node, 0);
    // One call of a module: only what is taken off and added again is one.
    if (traceA === traceB)
      return traceA !== '' && isOffset(a.node) && isOffset(b.node) && a.node.opType !== b.node.opType;
    if (!sameSlot || withoutCount(traceA) !== withoutCount(traceB)) return false;
    return this.shareWeights(a.node, b.node, 0) || isCall(traceA, traceB);
  }

  /**
   * Whether a use has nothing that areOne or areBeside know another node's by: no module's name, and no weight near it. Tensors with
   * thousands of readers have such.
   */
  isAlone(use: Use): boolean {
    const { node } = use;
    return (
      !callOf(node)?.parameters.length &&
      moduleOf(node) === undefined &&
      !this.hasWeights(node) &&
      this.productsBefore(use).length === 0
    );
  }

  /** Whether a use without a gradient, such as a comparison, reads the tensor that another use is of. */
  areBeside(a: Use, b: Use): boolean {
    const [callA, callB] = [callOf(a.node), callOf(b.node)];
    if (callA?.parameters.length && callB?.parameters.length)
      return callA.parameters.some((name) => callB.parameters.includes(name));
    const [scopeA, scopeB] = [moduleOf(a.node), moduleOf(b.node)];
    return scopeA !== undefined && scopeA === scopeB;
  }

  /** Whether the products that two additions follow have one's weights: the first step of a recurrence has a product less. */
  private followOne(a: Use, b: Use): boolean {
    const [ofA, ofB] = [this.productsBefore(a), this.productsBefore(b)];
    const within = (some: readonly string[], all: readonly string[]) =>
      some.every((name) => all.includes(name));
    return ofA.length > 0 && ofB.length > 0 && (within(ofA, ofB) || within(ofB, ofA));
  }

  private productsBefore({ node, value }: Use): string[] {
    if (node.opType !== 'Add') return [];
    const of = (name: string, depth: number): string[] => {
      const maker = this.flow.maker(name);
      if (maker?.opType === 'Add' && depth === 0) return maker.input.flatMap((input) => of(input, 1));
      if (maker?.opType !== 'MatMul' && maker?.opType !== 'Gemm' && maker?.opType !== 'Conv') return [];
      return maker.input.flatMap((input) => this.trained(input) ?? []);
    };
    return node.input.filter((name) => name !== value).flatMap((name) => of(name, 0));
  }

  /** Whether the nodes, or those that make what they read, have the same weights where these were no accident. */
  private shareWeights(a: Node, b: Node, depth: number): boolean {
    if (a === b || a.opType !== b.opType || depth > DEPTH) return false;
    // A tensor with n readers is asked for n² pairs of them.
    if (depth === 0 && !(this.hasWeights(a) && this.hasWeights(b))) return false;
    const pairs = a.input.map((value, index) => [value, b.input[index] ?? ''] as const);
    const weights = pairs.map(([x, y]) => [this.trained(x), this.trained(y)] as const);
    if (weights.some(([x, y]) => x !== undefined && x === y)) return true;
    if (weights.some(([x, y]) => x !== y)) return false;
    return pairs.some(([x, y]) => {
      const [makerX, makerY] = [this.flow.maker(x), this.flow.maker(y)];
      return makerX && makerY ? this.shareWeights(makerX, makerY, depth + 1) : false;
    });
  }

  /** Whether shareWeights meets any weight on its way back from a node. */
  private hasWeights(node: Node): boolean {
    const found = this.weighted.get(node) ?? this.meetsWeights(node, 0);
    this.weighted.set(node, found);
    return found;
  }

  private meetsWeights({ input }: Node, depth: number): boolean {
    if (input.some((value) => this.trained(value) !== undefined)) return true;
    if (depth === DEPTH) return false;
    return input.some((value) => {
      const maker = this.flow.maker(value);
      return maker ? this.meetsWeights(maker, depth + 1) : false;
    });
  }
}

const isOffset = ({ opType }: Node): boolean => opType === 'Add' || opType === 'Sub';

/** Whether one name is the other with a count. */
const isCall = (a: string, b: string): boolean =>
  withoutCount(a) === withoutCount(b) && (withoutCount(a) === a || withoutCount(b) === b);
