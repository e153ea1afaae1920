import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FlatminError } from '../../errors.js';
import { cacheFolder } from '../../formats/cache-folder.js';
import { packageFile } from '../../package-file.js';
import type { StepMeasurement } from '../models/measure.js';
import { runScript } from './script.js';

const SCRIPT = packageFile('src/bench/torch/model_step.py');
/** What makes the models of --zoo. */
export const ZOO = packageFile('src/bench/torch/zoo.py');

/** A Python with PyTorch, and a file whose get(name) makes models in it. */
export interface TorchModels {
  readonly python: string;
  readonly file: string;
}

/** What such a file says of itself. */
export interface TorchModelList {
  /** That it makes, where it says so. */
  readonly names: readonly string[];
  /** Of Python and its packages. */
  readonly versions: Readonly<Record<string, string>>;
}

const ask = ({ python, file }: TorchModels, args: readonly string[], signal?: AbortSignal) =>
  runScript(python, [SCRIPT, '--attended', '--file', resolve(file), ...args], signal);

const failed = ({ python, file }: TorchModels, what: string, cause: unknown): unknown =>
  cause instanceof FlatminError
    ? cause
    : new FlatminError('RUNTIME', `${python} did not ${what} ${file}: ${(cause as Error).message}.`, {
        cause,
      });

/** @throws FlatminError RUNTIME where the file fails; INTERRUPTED on `signal` */
export async function listModels(models: TorchModels, signal?: AbortSignal): Promise<TorchModelList> {
  try {
    return (await ask(models, ['list'], signal)) as TorchModelList;
  } catch (error) {
    throw failed(models, 'list the models of', error);
  }
}

/**
 * Where the exports of a file's models are kept: a folder of the cache for what they are made by.
 * @param versions as `listModels` tells them
 */
export async function exportsFolder(file: string, versions: TorchModelList['versions']): Promise<string> {
  const digest = createHash('sha256').update(JSON.stringify(versions));
  for (const path of [SCRIPT, file]) digest.update(await readFile(path));
  return join(cacheFolder(), 'models', digest.digest('hex').slice(0, 16));
}

/**
 * Exports a model and its batch into a folder, unless it is there.
 * @returns the path of its .onnx file
 * @throws FlatminError RUNTIME where the export fails; INTERRUPTED on `signal`
 */
export async function exportModel(
  models: TorchModels,
  name: string,
  folder: string,
  signal?: AbortSignal,
): Promise<string> {
  const path = join(folder, `${name}.onnx`);
  if (existsSync(path)) return path;
  try {
    await ask(models, ['export', '--out', folder, name], signal);
    return path;
  } catch (error) {
    throw failed(models, `export ${name} of`, error);
  }
}

/**
 * Times one mode of PyTorch in a process of its own.
 * @param args of the step: see model_step.py
 * @returns what it measured, or the reason why this machine cannot run it
 * @throws FlatminError INTERRUPTED on `signal`
 */
export async function modelStep(
  models: TorchModels,
  name: string,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<StepMeasurement | { readonly unavailable: string }> {
  try {
    return (await ask(models, ['step', name, ...args], signal)) as StepMeasurement;
  } catch (error) {
    if (error instanceof FlatminError) throw error;
    return { unavailable: (error as Error).message };
  }
}
