import { closeSync, openSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../../formats/atomic.js';
import { type MetricsRecord, metricsLine, parseMetricsLine } from '../../formats/run/metrics.js';

/** metrics.jsonl. Each record is handed to the system as it comes, so a killed process loses none, at worst tears the last. */
export class MetricsLog {
  private constructor(
    readonly path: string,
    private fd: number,
  ) {}

  /**
   * Opens for appending; a last line that a kill tore is dropped.
   * @throws FlatminError INVALID_DATA for another line that is no record
   */
  static async open(path: string): Promise<MetricsLog> {
    await dropLines(path, () => false);
    return new MetricsLog(path, openSync(path, 'a'));
  }

  append(record: MetricsRecord): void {
    const line = Buffer.from(metricsLine(record));
    for (let offset = 0; offset < line.length; ) offset += writeSync(this.fd, line, offset);
  }

  /**
   * Drops the records that a resumed run will make again: the log then equals that of a run that was never interrupted.
   * @throws FlatminError INVALID_DATA for a line that is no record
   */
  async drop(isDropped: (record: MetricsRecord) => boolean): Promise<void> {
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
async function dropLines(path: string, isDropped: (record: MetricsRecord) => boolean): Promise<void> {
  const text = await readIfExists(path);
  const lines = text.split('\n');
  // Every whole line ends in a newline, so what follows the last one is empty, or torn.
  lines.pop();
  const kept = lines.filter((line, i) => !isDropped(parseMetricsLine(line, `${path}, line ${i + 1}`)));
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
