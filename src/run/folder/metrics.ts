import { closeSync, fdatasyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { syncDirectory, writeFileAtomic } from '../../formats/atomic.js';
import { asDigest, type Digest, digestOf } from '../../formats/digest.js';
import { named } from '../../formats/named-error.js';
import { type MetricsRecord, metricsLine, parseMetricsLine } from '../../formats/run/metrics.js';

/** A place in metrics.jsonl: how much is before it, and what. */
export interface MetricsMark {
  readonly bytes: number;
  readonly digest: Digest;
}

/** metrics.jsonl. Each record is handed to the system as it comes, so a killed process loses none, at worst tears the last. */
export class MetricsLog {
  private bytes: number;
  private crc: number;

  private constructor(
    readonly path: string,
    private readonly fd: number,
    kept: Uint8Array,
  ) {
    this.bytes = kept.length;
    this.crc = crc32(kept);
  }

  /**
   * Opens for appending behind a mark: what follows it, records that a resumed run will make again, is dropped.
   * @param mark undefined: of an empty file
   * @param isLater what follows the mark, for a file that is not what it was when the mark was made
   * @param onDamage told then what has become of the records
   */
  static async open(
    path: string,
    mark: MetricsMark | undefined,
    isLater: (record: MetricsRecord) => boolean,
    onDamage: (text: string) => void,
  ): Promise<MetricsLog> {
    const found = await readIfExists(path);
    const kept = upTo(mark, found) ?? (await mend(path, found, isLater, onDamage));
    if (kept.length !== found.length) await writeFileAtomic(path, kept);
    const log = new MetricsLog(path, openSync(path, 'a'), kept);
    await syncDirectory(dirname(path));
    return log;
  }

  append(record: MetricsRecord): void {
    const line = Buffer.from(metricsLine(record));
    named(this.path, () => {
      for (let offset = 0; offset < line.length; ) offset += writeSync(this.fd, line, offset);
    });
    this.bytes += line.length;
    this.crc = crc32(line, this.crc);
  }

  /** Puts all records on the disk. @returns the place behind them */
  sync(): MetricsMark {
    named(this.path, () => fdatasyncSync(this.fd));
    return { bytes: this.bytes, digest: asDigest(this.crc) };
  }

  /** Drops all records behind an earlier place of this process or the one before. */
  rewind({ bytes, digest }: MetricsMark): void {
    named(this.path, () => ftruncateSync(this.fd, bytes));
    this.bytes = bytes;
    this.crc = Number.parseInt(digest, 16);
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** The bytes before a mark; undefined where they are not those that it was made behind. */
function upTo(mark: MetricsMark | undefined, found: Uint8Array): Uint8Array | undefined {
  if (!mark) return new Uint8Array();
  const before = found.subarray(0, mark.bytes);
  return before.length === mark.bytes && digestOf(before) === mark.digest ? before : undefined;
}

/** What can be read of the records before a mark; the file as it was found is put beside. */
async function mend(
  path: string,
  found: Uint8Array,
  isLater: (record: MetricsRecord) => boolean,
  onDamage: (text: string) => void,
): Promise<Uint8Array> {
  const lines = Buffer.from(found).toString('utf8').split('\n');
  // Every whole line ends in a newline, so what follows the last one is empty, or torn.
  lines.pop();
  const kept = lines.filter((line) => {
    const record = parsed(line);
    return record && !isLater(record);
  });
  const beside = path.replace(/\.jsonl$/, '.damaged.jsonl');
  await writeFileAtomic(beside, found);
  onDamage(
    `${path} is not what it was at the checkpoint: records were lost or changed. The run goes on, and its weights are right; ${kept.length} records up to the checkpoint are kept, and the file as it was found is ${beside}.`,
  );
  return Buffer.from(kept.map((line) => `${line}\n`).join(''));
}

function parsed(line: string): MetricsRecord | undefined {
  try {
    return parseMetricsLine(line, '');
  } catch {
    return undefined;
  }
}

async function readIfExists(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Uint8Array();
    throw error;
  }
}
