import { FlatminError } from '../../errors.js';

/** A line of a file of JSON lines. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/** @throws FlatminError INVALID_DATA naming file and line */
export function parseRecord(line: string, path: string, number: number): JsonRecord {
  try {
    const content: unknown = JSON.parse(line);
    if (typeof content === 'object' && content !== null && !Array.isArray(content))
      return content as JsonRecord;
  } catch {
    // Told below.
  }
  throw new FlatminError(
    'INVALID_DATA',
    `${path}, line ${number}: expected a JSON object, but found ${JSON.stringify(line.slice(0, 60))}: mend or remove the line.`,
  );
}

/** @throws FlatminError INVALID_DATA where the record has no such text */
export function textOf(record: JsonRecord, column: string, path: string, number: number): string {
  const value = Object.hasOwn(record, column) ? record[column] : undefined;
  if (typeof value === 'string') return value;
  throw new FlatminError(
    'INVALID_DATA',
    `${path}, line ${number}: expected "${column}" to be a text, but found ${value === undefined ? `none; there are ${Object.keys(record).join(', ')}` : JSON.stringify(value)?.slice(0, 60)}. --map text=COLUMN says which it is.`,
  );
}
