import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { FlatminError, withPath } from '../errors.js';
import { writeAll } from './atomic.js';
import { maskedCrc32c } from './crc32c.js';

// The part of TensorFlow's event.proto and summary.proto that scalars need.
const { root } = protobuf.parse(
  `
  syntax = "proto3";
  message Event {
    double wall_time = 1;
    int64 step = 2;
    oneof what {
      string file_version = 3;
      Summary summary = 5;
      SessionLog session_log = 7;
    }
  }
  message Summary {
    message Value { string tag = 1; float simple_value = 2; }
    repeated Value value = 1;
  }
  message SessionLog {
    enum SessionStatus { STATUS_UNSPECIFIED = 0; START = 1; }
    SessionStatus status = 1;
  }
`,
  { keepCase: true },
);
const Event = root.lookupType('Event');
const SESSION_START = 1;

export interface EventFileOptions {
  /**
   * The first step this writer will log, where an earlier run already logged into the folder: TensorBoard then
   * forgets that run's scalars from this step on. Default: nothing is forgotten.
   */
  resumeStep?: number;
}

/**
 * Writes scalars to a TensorBoard event file. A resumed run opens a new file beside the old one; TensorBoard reads a
 * folder's files in the order of their names and shows them as one run.
 */
export class EventFileWriter {
  private pending: Uint8Array[] = [];
  private written: Promise<void> = Promise.resolve();

  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
  ) {}

  /** Makes `dir` if need be, and in it `events.out.tfevents.<seconds>.<host>.<pid>.<n>`. */
  static async open(dir: string, { resumeStep }: EventFileOptions = {}): Promise<EventFileWriter> {
    await mkdir(dir, { recursive: true });
    const { path, handle } = await createUnique(dir);
    const writer = new EventFileWriter(path, handle);
    writer.add({ wall_time: now(), file_version: 'brain.Event:2' });
    if (resumeStep !== undefined) {
      writer.add({ wall_time: now(), step: resumeStep, session_log: { status: SESSION_START } });
    }
    await writer.flush();
    return writer;
  }

  /** Adds one point (a float32) to the curve `tag`; it reaches the file at the next flush or close. */
  scalar(tag: string, value: number, step: number, wallTimeSeconds = now()): void {
    this.add({ wall_time: wallTimeSeconds, step, summary: { value: [{ tag, simple_value: value }] } });
  }

  /** Appends what was added since the last flush, whole records in order. */
  flush(): Promise<void> {
    const bytes = Buffer.concat(this.pending);
    this.pending = [];
    this.written = this.written
      .then(() => writeAll(this.handle, bytes))
      .catch((error) => {
        throw withPath(error, this.path);
      });
    return this.written;
  }

  async close(): Promise<void> {
    await this.flush().finally(() => this.handle.close());
  }

  private add(event: Record<string, unknown>): void {
    this.pending.push(frame(Event.encode(event).finish()));
  }
}

/** A TFRecord: uint64 length, its masked CRC, the payload, its masked CRC; little-endian. */
function frame(payload: Uint8Array): Uint8Array {
  const record = new Uint8Array(12 + payload.length + 4);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(payload.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(payload, 12);
  view.setUint32(12 + payload.length, maskedCrc32c(payload), true);
  return record;
}

/**
 * Checks every record of an event file.
 * @returns what is to be known of its end
 * @throws FlatminError INVALID_DATA naming the byte where a record is damaged
 */
export async function checkEvents(path: string): Promise<string | undefined> {
  const bytes = await readFile(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const holds = (from: number, length: number) =>
    view.getUint32(from + length, true) === maskedCrc32c(bytes.subarray(from, from + length));
  for (let at = 0; at < bytes.length; ) {
    const length = at + 12 <= bytes.length ? Number(view.getBigUint64(at, true)) : 0;
    if (at + 12 <= bytes.length && !holds(at, 8)) throw damagedAt(path, at);
    if (at + 16 + length > bytes.length) return 'The last record is torn, as a kill leaves it.';
    if (!holds(at + 12, length)) throw damagedAt(path, at);
    at += 16 + length;
  }
  return undefined;
}

const damagedAt = (path: string, at: number): FlatminError =>
  new FlatminError('INVALID_DATA', `${path}: the record at byte ${at} is damaged.`);

// TensorBoard sorts files by name: seconds have ten digits until the year 2286.
async function createUnique(dir: string): Promise<{ path: string; handle: FileHandle }> {
  const stem = `events.out.tfevents.${Math.floor(now())}.${hostname()}.${process.pid}`;
  for (let n = 0; ; n++) {
    const path = join(dir, `${stem}.${n}`);
    try {
      return { path, handle: await open(path, 'wx') };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function now(): number {
  return Date.now() / 1000;
}
