import type { Communicator } from '../group/communicator.js';
import type { Vector } from '../vectors/parameter-space.js';
import { assign, scalar, vector } from '../vectors/program/expression.js';
import { program } from '../vectors/program/program.js';
import { Scalar } from '../vectors/scalar.js';
import type { ModelWeights } from './model-weights.js';

const scale = program(assign(vector('target'), scalar('factor').times(vector('source'))));

/** Parts of one stretch of memory. */
interface Room {
  readonly batches: number;
  readonly whole: Vector;
  /** Without the statistics. */
  readonly head: Vector;
  /** A rank's sum of gradients. */
  readonly total: Vector;
  /** The losses of all micro-batches by their numbers, then the health of each rank. */
  readonly numbers: Vector;
  readonly statistics: Vector;
}

/**
 * What the ranks of a step tell each other. Gradients, losses, health and moved statistics lie side by side, so that one sum serves for all;
 * a loss has a place of its own, zero on the other ranks, and comes through as it is.
 */
export class RankExchange {
  private made: Room | undefined;

  constructor(
    readonly group: Communicator,
    private readonly weights: ModelWeights,
  ) {}

  /** @param batches micro-batches of each rank */
  room(batches: number): Room {
    if (this.made?.batches !== batches) {
      this.made?.whole.dispose();
      this.made = this.makeRoom(batches);
    }
    return this.made!;
  }

  /**
   * Sums the gradients in the room's `total`.
   * @param health finite where all is well
   * @param withStatistics whether the running statistics become the means of the ranks'
   */
  async gather(
    losses: readonly Scalar[],
    health: Scalar,
    withStatistics: boolean,
  ): Promise<{ losses: number[]; health: Scalar }> {
    const { rank, size } = this.group;
    const room = this.room(losses.length);
    const numbers = new Float32Array(room.numbers.byteLength / 4);
    const lossCount = losses.length * size;
    for (const [own, loss] of losses.entries()) numbers[own * size + rank] = await loss.read();
    numbers[lossCount + rank] = (await health.read()) * 0;
    room.numbers.write(numbers);
    const { statistics } = this.weights;
    if (withStatistics) await this.scaled(room.statistics, statistics, 1 / size);
    await this.group.sum(withStatistics ? room.whole : room.head);
    if (withStatistics) await this.scaled(statistics, room.statistics, 1);
    room.numbers.read(numbers);
    const allHealth = numbers.subarray(lossCount, lossCount + size).reduce((sum, each) => sum + each, 0);
    return { losses: [...numbers.subarray(0, lossCount)], health: Scalar.of(allHealth) };
  }

  /** vector ← its sum. @returns finite exactly if `finite` of all ranks is */
  async sum(vector: Vector, finite: Scalar): Promise<Scalar> {
    await this.group.sum(vector);
    const number = this.number((await finite.read()) * 0);
    await this.group.sum(number, 'float64');
    return this.readNumber(number);
  }

  /** vector and number ← those of a rank. */
  async pass(vector: Vector, finite: Scalar, from: number): Promise<Scalar> {
    await this.group.broadcast(vector, from);
    const number = this.number(await finite.read());
    await this.group.broadcast(number, from);
    return this.readNumber(number);
  }

  /** Gives all ranks the weights of the first. */
  async equalise(): Promise<void> {
    await this.group.broadcast(this.weights.space.parameters);
    if (this.weights.statistics.byteLength > 0) await this.group.broadcast(this.weights.statistics);
  }

  dispose(): void {
    this.made?.whole.dispose();
  }

  private number(value: number): Vector {
    const made = this.weights.device.allocate(8);
    made.write(Float64Array.of(value));
    return made;
  }

  private readNumber(buffer: Vector): Scalar {
    const value = new Float64Array(1);
    buffer.read(value);
    buffer.dispose();
    return Scalar.of(value[0]!);
  }

  private scaled(target: Vector, source: Vector, factor: number): Promise<unknown> {
    const { device, statisticsArena } = this.weights;
    const range = { first: 0, count: statisticsArena.length, scalars: { factor } };
    return device.run(scale, { target, source }, [range]);
  }

  private makeRoom(batches: number): Room {
    const { device, space, statisticsArena } = this.weights;
    const gradient = space.arena.length * 4;
    const numbers = Math.ceil(((batches + 1) * this.group.size) / 16) * 64;
    const statistics = statisticsArena.length * 4;
    const whole = device.allocate(gradient + numbers + statistics);
    return {
      batches,
      whole,
      head: whole.view(0, gradient + numbers),
      total: whole.view(0, gradient),
      numbers: whole.view(gradient, numbers),
      statistics: whole.view(gradient + numbers, statistics),
    };
  }
}
