import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { RUN_FILES } from '../formats/run/files.js';

/** Names that are only the numbers of the classes. */
const isNumbered = (names: readonly string[]): boolean => names.every((name, at) => name === String(at));

/**
 * Names of a model's classes: those that the data have, or, where these are mere numbers, those of labels.json beside the model.
 * @param model its path, or a name
 * @returns also a note, where both are there and differ
 */
export async function modelClassNames(
  model: string,
  ofData: readonly string[] | undefined,
): Promise<{ readonly names: readonly string[] | undefined; readonly note?: string }> {
  const beside = await labelsBeside(model);
  if (!beside) return { names: ofData };
  if (!ofData || (isNumbered(ofData) && beside.length >= ofData.length)) return { names: beside };
  if (isNumbered(beside) || JSON.stringify(beside) === JSON.stringify(ofData)) return { names: ofData };
  return {
    names: ofData,
    note: `${join(dirname(model), RUN_FILES.labels)} names the model's classes ${shown(beside)}, the data ${shown(ofData)}: the data's names are taken. Are they the classes that it was trained on?`,
  };
}

const shown = (names: readonly string[]): string =>
  names.slice(0, 10).join(', ') + (names.length > 10 ? ', …' : '');

/** What is no list of names is none. */
async function labelsBeside(model: string): Promise<string[] | undefined> {
  if (!basename(model).endsWith('.onnx')) return undefined;
  try {
    const content: unknown = JSON.parse(await readFile(join(dirname(model), RUN_FILES.labels), 'utf8'));
    const isList = Array.isArray(content) && content.every((name) => typeof name === 'string');
    return isList ? content : undefined;
  } catch {
    return undefined;
  }
}
