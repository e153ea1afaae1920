import { join } from 'node:path';
import type { z } from 'zod';
import { makeDirectorySync, writeFileAtomic } from '../atomic.js';
import { sealedJson } from '../digest.js';
import { checkedSealed, type ReadonlyDeep } from '../run/checked.js';
import { kernelsSchema } from './kernels.js';
import { memorySchema } from './memory.js';
import { modelsSchema } from './models.js';
import { scaleSchema } from './scale.js';
import { stepSchema, torchSchema } from './step.js';

/** What `flatmin bench` writes. Numbers that are not finite are null in JSON. */
const SCHEMAS = {
  step: stepSchema,
  torch: torchSchema,
  kernels: kernelsSchema,
  memory: memorySchema,
  scale: scaleSchema,
  models: modelsSchema,
};

export type BenchName = keyof typeof SCHEMAS;

/** The part of a measurement's file that is read again. */
export type BenchFile<N extends BenchName> = ReadonlyDeep<z.output<(typeof SCHEMAS)[N]>>;

export const BENCH_NAMES = Object.keys(SCHEMAS) as BenchName[];

export const benchPath = (folder: string, name: BenchName): string => join(folder, `bench-${name}.json`);

/** @throws FlatminError INVALID_DATA naming the file and the field */
export const checkBench = <N extends BenchName>(name: N, content: unknown, path: string): BenchFile<N> =>
  checkedSealed(SCHEMAS[name], content, path) as BenchFile<N>;

export async function writeBench<N extends BenchName>(
  folder: string,
  name: N,
  report: BenchFile<N>,
): Promise<void> {
  makeDirectorySync(folder);
  await writeFileAtomic(benchPath(folder, name), sealedJson(report));
}
