import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import type { SizeOptions } from '../autodiff/prepare/shapes.js';
import type { ClassifyOptions } from '../autodiff/roles/classify.js';
import { targetFor } from '../capabilities/target-for.js';
import { type BuiltGraph, buildGraph } from '../compile/build-graph.js';
import { buildHessianGraph } from '../compile/hessian-graph.js';
import type { LossChoice } from '../compile/loss-model.js';
import { restrictOutputs } from '../compile/restrict-outputs.js';
import { type Communicator, singleGroup } from '../group/communicator.js';
import { sumsOfNumbers } from '../group/tell.js';
import type { Loss } from '../losses/loss.js';
import type { Target } from '../lowering/targets.js';
import type { ModelProto } from '../onnx/proto.js';
import { checkedValue } from '../options/option.js';
import { count } from '../options/values.js';
import { openRuntime, type Runtime } from '../ort/library.js';
import type { Objective } from '../sharpness/objective.js';
import type { ParameterSpace, Vector } from '../vectors/parameter-space.js';
import { assign, scalar, vector } from '../vectors/program/expression.js';
import { program } from '../vectors/program/program.js';
import { BatchGraph } from './batch-graph.js';
import type { ModelWeights } from './model-weights.js';
import { assertRanksOnCpus } from './ranks-on-cpus.js';
import { KeptSamples, type Samples } from './samples.js';

/** Statistics that BatchNormalization uses. */
export type BatchNormMode = 'running' | 'batch';

export interface DataObjectiveOptions extends LossChoice, ClassifyOptions {
  loss: Loss;
  /** Sizes of open dimensions beside the batch. */
  dims?: SizeOptions['dims'];
  /** Samples in one run of a session. Changes nothing but rounding, unless BatchNorm uses each batch's statistics. */
  batch: number;
  /** Default 'running'. */
  batchNorm?: BatchNormMode | undefined;
  /** See TrainingSessionOptions. Default false. */
  recompute?: boolean | number | undefined;
  /** Default: openRuntime's for the device of the weights. */
  runtime?: Runtime | undefined;
  /** Ranks that share the batches, and have the same figures: `joinGroup`. Default: this process alone. */
  group?: Communicator | undefined;
  /** Default: the fastest form of each op that the runtime can run on the device. */
  target?: Target | undefined;
}

const [sum, g, share] = [vector('sum'), vector('g'), scalar('share')];
const begin = program(assign(sum, share.times(g)));
const add = program(assign(sum, sum.plus(share.times(g))));
// The total goes where gradients are read.
const finish = program(assign(g, sum.plus(share.times(g))));
const [total, part] = [vector('total'), vector('part')];
const clear = program(assign(total, scalar('zero').timesOrZero(total)));
const copy = program(assign(total, part));
const beginProduct = program(assign(total, share.times(part)));
const addProduct = program(assign(total, total.plus(share.times(part))));

/**
 * The mean loss of a model over fixed samples. It works on the buffers of the model's weights and writes none of them but
 * `space.gradient`; running statistics never move.
 */
export class DataObjective implements Objective {
  private constructor(
    private readonly graphs: Graphs,
    private readonly data: Samples,
    private readonly first: number,
    readonly samples: number,
    /** Those that share its batches. */
    private readonly group: Communicator,
  ) {}

  /** @param model the model of the weights; its own values are not read */
  static create(
    model: ModelProto | PreparedModel,
    weights: ModelWeights,
    data: Samples,
    options: DataObjectiveOptions,
  ): DataObjective {
    const { batch, group = singleGroup } = options;
    checkedValue('batch', count, batch);
    assertRanksOnCpus(group, weights.device);
    return new DataObjective(
      new Graphs(model, weights, options),
      new KeptSamples(data),
      0,
      data.count,
      group,
    );
  }

  get space(): ParameterSpace {
    return this.graphs.weights.space;
  }

  /** Seconds spent so far: loading sessions, and running them. */
  get seconds(): Readonly<{ loading: number; running: number }> {
    return this.graphs.seconds;
  }

  async loss(at: Vector = this.space.parameters): Promise<number> {
    let total = 0;
    for (const { first, count } of this.ownParts())
      total += count * (await this.run('loss', first, count, at));
    return this.meanOf(total);
  }

  async gradient(at: Vector = this.space.parameters): Promise<number> {
    const parts = this.ownParts();
    const isShared = this.group.size > 1;
    const vectors = { sum: this.graphs.sum, g: this.space.gradient };
    let total = 0;
    for (const [index, { first, count }] of parts.entries()) {
      total += count * (await this.run('gradient', first, count, at));
      if (parts.length === 1 && !isShared) break;
      const step = index === 0 ? begin : index === parts.length - 1 && !isShared ? finish : add;
      await this.space.run(step, vectors, () => ({ share: count / this.samples }));
    }
    if (isShared) await this.gather(parts.length > 0, this.space.gradient);
    return this.meanOf(total);
  }

  /**
   * out ← ∇²L·v of the same mean loss, exact but for rounding: the gradient graph differentiated once more. Elements of frozen parameters
   * are neither read nor written.
   * @throws FlatminError NO_GRADIENT naming an op that has no second derivative
   */
  async hessianVectorProduct(v: Vector, out: Vector, at: Vector = this.space.parameters): Promise<void> {
    const { direction, product } = this.graphs.vectors;
    const parts = this.ownParts();
    const isShared = this.group.size > 1;
    // A rank without a batch of its own learns here that there is no second derivative, as the others do.
    if (isShared) await this.graphs.get('product', this.parts()[0]!.count);
    await this.space.run(copy, { total: direction, part: v });
    const sum = isShared ? this.graphs.sum : out;
    for (const [index, { first, count }] of parts.entries()) {
      await this.run('product', first, count, at);
      const step = index === 0 ? beginProduct : addProduct;
      await this.space.run(step, { total: sum, part: product }, () => ({ share: count / this.samples }));
    }
    if (isShared) await this.gather(parts.length > 0, out);
  }

  batches(size: number): DataObjective[] {
    const batches: DataObjective[] = [];
    for (let at = 0; at < this.samples; at += size) {
      const count = Math.min(size, this.samples - at);
      batches.push(new DataObjective(this.graphs, this.data, this.first + at, count, singleGroup));
    }
    return this.ownOf(batches);
  }

  sumsOverRanks(numbers: readonly number[]): Promise<number[]> {
    return sumsOfNumbers(this.group, numbers);
  }

  /** Frees the sessions, those of batches() too; the weights stay. */
  dispose(): void {
    this.graphs.dispose();
  }

  private parts(): { first: number; count: number }[] {
    const { batch } = this.graphs.options;
    return Array.from({ length: Math.ceil(this.samples / batch) }, (_, i) => ({
      first: this.first + i * batch,
      count: Math.min(batch, this.samples - i * batch),
    }));
  }

  private ownParts(): { first: number; count: number }[] {
    return this.ownOf(this.parts());
  }

  /** This rank's of what the ranks share. */
  private ownOf<T>(all: readonly T[]): T[] {
    const { rank, size } = this.group;
    return all.filter((_, index) => index % size === rank);
  }

  private async meanOf(total: number): Promise<number> {
    const [sum] = await this.sumsOverRanks([total]);
    return sum! / this.samples;
  }

  /** target ← the sum over the ranks of what they have added up. Elements of frozen parameters are zero in it. */
  private async gather(hasAny: boolean, target: Vector): Promise<void> {
    const { sum } = this.graphs;
    if (!hasAny) await this.space.run(clear, { total: sum }, () => ({ zero: 0 }));
    await this.group.sum(sum);
    await this.space.run(copy, { total: target, part: sum });
  }

  private async run(kind: GraphKind, first: number, count: number, at: Vector): Promise<number> {
    const graph = await this.graphs.get(kind, count);
    await graph.feed(await this.data.feeds(first, count));
    const start = performance.now();
    const loss = await (await graph.run(at)).read();
    this.graphs.seconds.running += (performance.now() - start) / 1000;
    return loss;
  }
}

type GraphKind = 'loss' | 'gradient' | 'product';

/** The sessions of an objective, one for each batch size and kind, loaded when first needed. */
class Graphs {
  readonly seconds = { loading: 0, running: 0 };
  private readonly built = new Map<number, Promise<BuiltGraph>>();
  private readonly loaded = new Map<string, BatchGraph>();
  private sumVector: Vector | undefined;
  private productVectors: { direction: Vector; product: Vector } | undefined;

  constructor(
    private readonly model: ModelProto | PreparedModel,
    readonly weights: ModelWeights,
    readonly options: DataObjectiveOptions,
  ) {}

  /** Where mean gradients are added up. */
  get sum(): Vector {
    const { device, space } = this.weights;
    this.sumVector ??= space.arena.vector(device);
    return this.sumVector;
  }

  /** What products are read from and written to. */
  get vectors(): { direction: Vector; product: Vector } {
    const { device, space } = this.weights;
    this.productVectors ??= { direction: space.arena.vector(device), product: space.arena.vector(device) };
    return this.productVectors;
  }

  async get(kind: GraphKind, batch: number): Promise<BatchGraph> {
    const key = `${kind} ${batch}`;
    const known = this.loaded.get(key);
    if (known) return known;
    const start = performance.now();
    const graph = await this.load(kind, batch);
    this.seconds.loading += (performance.now() - start) / 1000;
    this.loaded.set(key, graph);
    return graph;
  }

  /** Losses and gradients come from one lowered graph, so that their losses are computed alike. */
  private async load(kind: GraphKind, batch: number): Promise<BatchGraph> {
    const { loss, output, outputAsIs, dims, batchNorm = 'running', train, alsoTrain, freeze } = this.options;
    const { recompute } = this.options;
    const { device } = this.weights;
    const { runtime = openRuntime(undefined, device.name) } = this.options;
    const { target = await targetFor(runtime, device.name) } = this.options;
    const options = { loss, batch, batchNorm, dims, output, outputAsIs, train, alsoTrain, freeze, recompute };
    if (kind === 'product') {
      const graph = await buildHessianGraph(runtime, this.model, { ...options, target });
      return BatchGraph.load(graph, this.weights, { runtime, target }, this.vectors);
    }
    const built = this.built.get(batch) ?? buildGraph(runtime, this.model, { ...options, target });
    this.built.set(batch, built);
    const graph = await built;
    const gradients = kind === 'gradient' ? graph.parameters.map((parameter) => parameter.output) : [];
    const restricted = restrictOutputs(graph, [graph.loss, ...gradients]);
    return BatchGraph.load(restricted, this.weights, { runtime, target });
  }

  dispose(): void {
    for (const graph of this.loaded.values()) graph.dispose();
    for (const each of [this.sumVector, this.productVectors?.direction, this.productVectors?.product])
      each?.dispose();
  }
}
