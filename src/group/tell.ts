import { deserialize, serialize } from 'node:v8';
import { addon } from '../addon/addon.js';
import type { Communicator } from './communicator.js';

/** Whether it is so on any rank. */
export async function onAnyRank(group: Communicator, isSo: boolean): Promise<boolean> {
  return (await sumOfNumber(group, Number(isSo))) > 0;
}

/** The sum of a number over the ranks. */
export const sumOfNumber = async (group: Communicator, value: number): Promise<number> =>
  (await sumsOfNumbers(group, [value]))[0]!;

/** The same of each of several numbers. */
export async function sumsOfNumbers(group: Communicator, values: readonly number[]): Promise<number[]> {
  if (group.size === 1) return [...values];
  const buffer = new addon.DeviceBuffer(8 * values.length);
  const numbers = Float64Array.from(values);
  buffer.write(numbers);
  await group.sum(buffer, 'float64');
  buffer.read(numbers);
  buffer.dispose();
  return [...numbers];
}

/** What rank 0 makes, on all ranks. Where it fails to, the job ends with rank 0. */
export const fromFirst = async <T>(group: Communicator, make: () => T | Promise<T>): Promise<T> =>
  fromRank(group, 0, group.rank === 0 ? await make() : undefined);

/** A value of one rank, on all: what the structured clone algorithm copies. */
export async function fromRank<T>(group: Communicator, root: number, value: T | undefined): Promise<T> {
  if (group.size === 1) return value as T;
  const own = group.rank === root ? serialize(value) : new Uint8Array();
  const length = await sumOfNumber(group, own.byteLength);
  const buffer = new addon.DeviceBuffer(length);
  if (group.rank === root) buffer.write(own);
  await group.broadcast(buffer, root);
  const bytes = new Uint8Array(length);
  buffer.read(bytes);
  buffer.dispose();
  return group.rank === root ? (value as T) : deserialize(bytes);
}

/**
 * What all ranks make of every n-th item, in the order of the items: each rank gives its own and has all.
 * @param own of item rank, rank + n, rank + 2n, …
 */
export async function* inTurn<T>(group: Communicator, own: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = own[Symbol.asyncIterator]();
  for (;;) {
    const { value, done } = await iterator.next();
    for (let rank = 0; rank < group.size; rank++) {
      const item = await fromRank<{ value: T } | undefined>(group, rank, done ? undefined : { value });
      // Items are dealt in turn: behind the last there are none.
      if (!item) return;
      yield item.value;
    }
  }
}
