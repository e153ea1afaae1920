import { isControlFlow, type LoopDecision, UNROLL_LIMIT } from '../autodiff/prepare/control-flow.js';
import { foldSources } from '../autodiff/prepare/fold-sources.js';
import { freshBody, renameBody } from '../autodiff/prepare/loops/body-names.js';
import {
  COUNTED_ITERATIONS,
  type Constants,
  countingLoop,
  loopBody,
} from '../autodiff/prepare/loops/counting.js';
import { finishedScan } from '../autodiff/prepare/loops/finish.js';
import { slicesOfGathers } from '../autodiff/prepare/loops/gathered-slices.js';
import { hoistUnchanging } from '../autodiff/prepare/loops/hoist.js';
import {
  type Fresh,
  readNames,
  type StateValues,
  type Steps,
  stepsOfLoop,
  stepsOfScan,
} from '../autodiff/prepare/loops/loop-steps.js';
import { UNROLLED_STEPS } from '../autodiff/unrolled-steps.js';
import { FlatminError } from '../errors.js';
import { GraphBuilder } from '../onnx/builder.js';
import { opKey } from '../onnx/domains.js';
import type { Graph, ModelProto, Node, Tensor } from '../onnx/proto.js';
import { isScan, scanParts } from '../onnx/scan.js';
import { readBy, readFromOutside, subgraphs } from '../onnx/subgraphs.js';
import {
  DataType,
  type DataTypeName,
  dataTypeName,
  elementCount,
  isFloatingPoint,
  makeTensor,
  tensorDims,
} from '../onnx/tensors/tensor.js';
import type { ValueType, ValueTypes } from '../onnx/value-types.js';
import { computeConstants, foldConstants, RANDOM } from '../ort/fold-constants.js';
import { bodyModel, inferOuterTypes } from '../ort/infer-types.js';
import type { Runtime } from '../ort/library.js';
import { type HostTensor, MADE_FOR_ONCE, Session } from '../ort/session.js';

/** Constants with more elements decide nothing. */
const SMALL = 64;

/** Ops that each step has its own of, or that move statistics: loops around them are written out. */
const OF_ONE_STEP = new Set(['BatchNormalization', 'Dropout', ...RANDOM]);

type Resolve = (runtime: Runtime, model: ModelProto, graph: Graph) => Promise<Graph>;

/**
 * What is known of the control flow of a graph with static input shapes: constants that decide it, and what becomes of each Loop and Scan
 * of a known number of steps. A Loop's condition is found out by running what it depends on, where that is constant.
 * @param types of the graph's values
 * @param settled first outputs of the Scan nodes that loops have become already; those of new ones are added
 * @param resolve resolves the control flow of a body
 */
export async function decideLoops(
  runtime: Runtime,
  model: ModelProto,
  graph: Graph,
  types: ValueTypes,
  settled: Set<string>,
  resolve: Resolve,
): Promise<{ constants: Constants; decisions: ReadonlyMap<Node, LoopDecision> }> {
  const nodes = graph.node.filter((node) => isControlFlow(node) && !settled.has(firstOutput(node)));
  const isSmall = (name: string) => {
    const type = types.get(name);
    return type !== undefined && elementCount(type.dims) <= SMALL;
  };
  const asked = nodes.flatMap((node) =>
    opKey(node) === 'If' ? node.input.slice(0, 1) : readBy(node).filter(isSmall),
  );
  const constants = await computeConstants(runtime, { ...model, graph }, types, [...new Set(asked)]);
  const decider = new LoopDecider(runtime, model, graph, types, constants, resolve);
  const decisions = new Map<Node, LoopDecision>();
  for (const node of nodes) {
    const decision = opKey(node) === 'If' ? undefined : await decider.decide(node);
    if (!decision) continue;
    decisions.set(node, decision);
    if ('nodes' in decision)
      for (const each of decision.nodes) if (isScan(each)) settled.add(firstOutput(each));
  }
  return { constants, decisions };
}

const firstOutput = (node: Node): string => node.output.find(Boolean) ?? '';

class LoopDecider {
  private readonly fresh: Fresh;
  private readonly isRead: (name: string) => boolean;

  constructor(
    private readonly runtime: Runtime,
    private readonly model: ModelProto,
    private readonly graph: Graph,
    private readonly types: ValueTypes,
    private readonly constants: Constants,
    private readonly resolve: Resolve,
  ) {
    const builder = new GraphBuilder({ ...graph });
    this.fresh = (hint) => builder.fresh(hint);
    const read = readNames(graph);
    this.isRead = (name) => read.has(name);
  }

  async decide(node: Node): Promise<LoopDecision | undefined> {
    const counted = isScan(node) ? this.countScan(node) : await this.countLoop(node);
    if (!counted) return undefined;
    const { count, values } = counted;
    const size = count * loopBody(node).node.length;
    const isUnrolled: LoopDecision | undefined = size <= UNROLL_LIMIT ? { trips: count } : undefined;
    if (count <= UNROLLED_STEPS && isUnrolled) return isUnrolled;
    const steps = isScan(node)
      ? stepsOfScan(node, count, (name) => this.types.get(name)!.dims.length, this.fresh, this.isRead)
      : stepsOfLoop(node, count, values, this.fresh, this.isRead);
    return (await this.asScan(steps)) ?? isUnrolled;
  }

  private countScan(node: Node): { count: number; values: StateValues } | undefined {
    const [first] = scanParts(node).inputs;
    const count = first && this.types.get(first.name)?.dims.at(first.axis);
    return count === undefined ? undefined : { count, values: new Map() };
  }

  private async countLoop(node: Node): Promise<{ count: number; values: StateValues } | undefined> {
    const counting =
      countingLoop(node, this.constants) ?? countingLoop(await this.withKnownShapes(node), this.constants);
    if (!counting) return undefined;
    const session = await Session.create(
      this.runtime,
      { ...this.model, graph: counting.graph },
      MADE_FOR_ONCE,
    );
    try {
      const found = await session.run({});
      const count = found.get(counting.trips)!.data.length;
      if (count > COUNTED_ITERATIONS) return undefined;
      const values = [...counting.states]
        .map(
          ([at, { each, last }]) =>
            [at, { each: asTensor(found.get(each)!), last: asTensor(found.get(last)!) }] as const,
        )
        // A state of floating-point numbers may hang on weights.
        .filter(([, { each }]) => !isFloatingPoint(each.dataType!));
      return { count, values: new Map(values) };
    } finally {
      session.dispose();
    }
  }

  /** The Loop with what its body makes of shapes as constants, where the shapes of its states stay as they are. */
  private async withKnownShapes(node: Node): Promise<Node> {
    const body = loopBody(node);
    const given = [
      { type: DataType.int64, dims: [] },
      { type: DataType.bool, dims: [] },
      ...node.input.slice(2).map((name) => this.types.get(name)),
    ];
    if (given.some((type) => !type) || !body.node.some((each) => ['Shape', 'Size'].includes(opKey(each))))
      return node;
    const inner = await this.typed(body, given as ValueType[]);
    const isSteady = node.input
      .slice(2)
      .every((_, at) => sameType(inner, body.output[1 + at]!.name, body.input[2 + at]!.name));
    if (!isSteady) return node;
    const { graph } = this.bodyAlone(body, given as ValueType[]);
    const folded = await foldConstants(this.runtime, { ...this.model, graph }, inner);
    const known = { ...body, node: folded.node, initializer: folded.initializer };
    return {
      ...node,
      attribute: node.attribute.map((each) => (each.name === 'body' ? { ...each, g: known } : each)),
    };
  }

  private bodyAlone(body: Graph, given: readonly ValueType[]): ModelProto {
    const model = { ...this.model, graph: { ...this.graph, initializer: [] } };
    const alone = bodyModel(model, body, given, this.types);
    return { ...alone, graph: { ...alone.graph, output: body.output } };
  }

  private typed(body: Graph, given: readonly ValueType[]): Promise<ValueTypes> {
    return inferOuterTypes(this.runtime, this.bodyAlone(body, given));
  }

  /** The loop as a Scan that has a gradient; undefined where it cannot be one. */
  private async asScan(steps: Steps): Promise<LoopDecision | undefined> {
    const { types, fresh } = this;
    for (const tensor of steps.initializers)
      types.set(tensor.name!, { type: tensor.dataType!, dims: tensorDims(tensor) });
    try {
      const prepared = await this.preparedBody(steps);
      if (!prepared) return undefined;
      const own = new Map([...types, ...prepared.types]);
      const finished = slicesOfGathers(hoistUnchanging(prepared.steps, fresh), own, fresh);
      return { nodes: finishedScan(finished, fresh), initializers: finished.initializers };
    } catch (error) {
      // What ONNX Runtime does not take as a body of fixed shapes is tried written out.
      if (error instanceof FlatminError && error.code === 'RUNTIME') return undefined;
      throw error;
    }
  }

  /** Resolves the control flow of the body, and computes what is constant in it. */
  private async preparedBody(steps: Steps): Promise<{ steps: Steps; types: ValueTypes } | undefined> {
    const { runtime, model, types } = this;
    const { parts } = steps;
    const body = this.withConstants(parts.body);
    const given = [
      ...parts.states.map((name) => types.get(name)),
      ...parts.inputs.map(({ name }) => {
        const type = types.get(name) ?? this.transposed(steps, name);
        return type && { type: type.type, dims: type.dims.slice(1) };
      }),
    ];
    if (given.some((type) => !type)) return undefined;
    const alone = this.bodyAlone(body, given as ValueType[]);
    const resolved = foldSources(await this.resolve(runtime, model, alone.graph)).graph;
    if (resolved.node.some(cannotBeInScan)) return undefined;
    const inner = await inferOuterTypes(runtime, { ...model, graph: { ...resolved, output: [] } });
    const isSteady = parts.states.every((_, at) =>
      sameType(inner, body.output[at]!.name, body.input[at]!.name),
    );
    if (!isSteady) return undefined;
    const folded = await foldConstants(runtime, { ...model, graph: resolved }, inner);
    const known: ValueTypes = new Map();
    const prepared = freshBody({ ...body, node: folded.node, initializer: folded.initializer }, (hint) => {
      const name = this.fresh(hint);
      const type = inner.get(hint);
      if (type) known.set(name, type);
      return name;
    });
    return { steps: { ...steps, parts: { ...parts, body: prepared } }, types: known };
  }

  /** The body with constants from outside that are no weights as its own. */
  private withConstants(body: Graph): Graph {
    const adopted = new Map<string, Tensor>();
    for (const name of readFromOutside(body)) {
      const tensor = this.constants.get(name);
      if (tensor && !isFloatingPoint(tensor.dataType ?? 0) && !adopted.has(name))
        adopted.set(name, { ...tensor, name: this.fresh(`${name}_constant`) });
    }
    const renamed = renameBody(body, (name) => adopted.get(name)?.name ?? name);
    return { ...renamed, initializer: [...renamed.initializer, ...adopted.values()] };
  }

  /** The type of a value that one of the loop's Transpose nodes makes. */
  private transposed(steps: Steps, name: string): ValueType | undefined {
    const node = steps.before.find(({ output }) => output[0] === name);
    const source = node && this.types.get(node.input[0]!);
    const perm = node?.attribute[0]?.ints as number[] | undefined;
    return source && perm && { type: source.type, dims: perm.map((axis) => source.dims[axis]!) };
  }
}

function cannotBeInScan(node: Node): boolean {
  return (
    ['If', 'Loop'].includes(opKey(node)) ||
    OF_ONE_STEP.has(opKey(node)) ||
    subgraphs(node).some((graph) => graph.node.some(cannotBeInScan))
  );
}

function sameType(types: ValueTypes, left: string, right: string): boolean {
  const [a, b] = [types.get(left), types.get(right)];
  return (
    a !== undefined &&
    b !== undefined &&
    a.type === b.type &&
    String(a.dims) === String(b.dims) &&
    a.dims.length === b.dims.length
  );
}

const asTensor = ({ type, dims, data }: HostTensor): Tensor =>
  makeTensor('', dataTypeName(type) as DataTypeName, dims, data);
