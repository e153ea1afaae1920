import type { z } from 'zod';
import { FlatminError } from '../../errors.js';
import { unsealed } from '../digest.js';

/** A type that the holder of a file's content may not change. */
export type ReadonlyDeep<T> = T extends object ? { readonly [K in keyof T]: ReadonlyDeep<T[K]> } : T;

/**
 * What a file holds, checked. The schema's messages say what was expected.
 * @param where the file, and the line where it has several records
 * @throws FlatminError INVALID_DATA that names the file, the first bad field, what it should be and what it is
 */
export function checked<T extends z.ZodType>(
  schema: T,
  content: unknown,
  where: string,
): ReadonlyDeep<z.output<T>> {
  const result = schema.safeParse(content);
  if (result.success) return result.data as ReadonlyDeep<z.output<T>>;
  const { path, message } = result.error.issues[0]!;
  const found = path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key],
    content,
  );
  const field = path.length === 0 ? 'it' : `"${path.join('.')}"`;
  const shown = found === undefined ? 'nothing' : JSON.stringify(found).slice(0, 60);
  throw new FlatminError('INVALID_DATA', `${where}: expected ${field} to be ${message}, but found ${shown}.`);
}

/**
 * What a file with a digest holds, checked, without it.
 * @throws FlatminError INVALID_DATA as checked, and where the file is not as it was written
 */
export function checkedSealed<T extends z.ZodType>(
  schema: T,
  content: unknown,
  where: string,
): ReadonlyDeep<z.output<T>> {
  // What a field should be says more than that the digest is wrong.
  checked(schema, content, where);
  return checked(schema, unsealed(content as object, where), where);
}

/** @throws FlatminError INVALID_DATA that names the file */
export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FlatminError('INVALID_DATA', `${path} is not JSON: ${(cause as Error).message}.`, { cause });
  }
}
