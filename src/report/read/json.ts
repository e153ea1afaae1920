import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FlatminError } from '../../errors.js';

export type Json = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A JSON object; undefined where there is no such file. A file that holds no object is told in `notes`. */
export async function readJsonObject(path: string, notes: string[]): Promise<Json | undefined> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
    notes.push(`${path} holds no JSON object: it is left out.`);
  } catch (error) {
    notes.push(`${path} is not JSON, and is left out: ${(error as Error).message}.`);
  }
  return undefined;
}

/** What a file holds, checked; undefined where there is no such file. One that is not of its form is told in `notes`. */
export async function readChecked<T>(
  path: string,
  check: (content: unknown, path: string) => T,
  notes: string[],
): Promise<T | undefined> {
  const content = await readJsonObject(path, notes);
  if (content === undefined) return undefined;
  try {
    return check(content, path);
  } catch (error) {
    if (!(error instanceof FlatminError)) throw error;
    notes.push(`${error.message} The file is left out.`);
    return undefined;
  }
}

/** Undefined where there is no such file. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** Paths in a folder, sorted; none where there is no such folder. */
export async function filesIn(dir: string, pattern: RegExp): Promise<string[]> {
  const names = await readdir(dir).catch(() => []);
  return names
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => join(dir, name));
}

/** A finite number, or another value. */
export const numberOr = <T>(value: unknown, other: T): number | T =>
  typeof value === 'number' && Number.isFinite(value) ? value : other;

/** A value as people read it: a file that somebody wrote may hold anything anywhere. */
export const textOf = (value: unknown): string =>
  typeof value === 'object' ? JSON.stringify(value) : String(value);
