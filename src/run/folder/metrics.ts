import { closeSync, openSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { FlatminError } from '../../errors.js';
import { writeFileAtomic } from '../../formats/atomic.js';

export type MetricsValue =
  | number
  | string
  | boolean
  | null
  | undefined
  | readonly MetricsValue[]
  | { readonly [key: string]: MetricsValue };

export interface MetricsRecord {
  /** Steps done when the record was made. */
  readonly step: number;
  readonly [key: string]: MetricsValue;
}

/**
 * A log with one JSON object a line. Numbers that JSON lacks are written as the strings "NaN", "Infinity" and
 * "-Infinity". Each record is handed to the system as it comes, so a killed process loses none, at worst tears the last.
 */
export class MetricsLog {
  private constructor(
    readonly path: string,
    private fd: number,
  ) {}

  /** Opens for appending; a last line that a kill tore is dropped. */
  static async open(path: string): Promise<MetricsLog> {
    await dropLines(path, () => false);
    return new MetricsLog(path, openSync(path, 'a'));
  }

  append(record: MetricsRecord): void {
    const line = Buffer.from(`${JSON.stringify(record, nameNonFinite)}\n`);
    for (let offset = 0; offset < line.length; ) offset += writeSync(this.fd, line, offset);
  }

  /**
   * Drops the records that a resumed run will make again: the log then equals that of a run that was never interrupted.
   * @throws FlatminError INVALID_DATA for a line, other than a torn last one, that is not JSON.
   */
  async drop(isDropped: (record: Readonly<Record<string, unknown>>) => boolean): Promise<void> {
    await dropLines(this.path, isDropped);
    // The file may be a new one: the old descriptor would append to the replaced one.
    closeSync(this.fd);
    this.fd = openSync(this.path, 'a');
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** Rewrites the file, where need be, without the lines to drop and without a torn last line. */
async function dropLines(
  path: string,
  isDropped: (record: Record<string, unknown>) => boolean,
): Promise<void> {
  const text = await readIfExists(path);
  const lines = text.split('\n');
  // Every whole line ends in a newline, so what follows the last one is empty, or torn.
  lines.pop();
  const kept = lines.filter((line, i) => !isDropped(parseLine(path, line, i + 1)));
  const result = kept.map((line) => `${line}\n`).join('');
  if (result !== text) await writeFileAtomic(path, result);
}

async function readIfExists(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

function parseLine(path: string, line: string, number: number): Record<string, unknown> {
  try {
    const record: unknown = JSON.parse(line);
    if (typeof record === 'object' && record !== null) return record as Record<string, unknown>;
  } catch {}
  throw new FlatminError(
    'INVALID_DATA',
    `${path}, line ${number}: expected a JSON object, but found ${JSON.stringify(line.slice(0, 60))}. Mend or remove the line.`,
  );
}

function nameNonFinite(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}
