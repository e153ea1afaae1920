import { mkdtemp, readdir, readFile, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import test from 'ava';
import protobuf from 'protobufjs';
import { crc32c, maskedCrc32c } from '../../../src/formats/crc32c.js';
import { EventFileWriter } from '../../../src/formats/tensorboard.js';

async function folder(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'flatmin-tensorboard-')), 'new');
}

/** The payloads of a TFRecord file; throws where a checksum is wrong or a record is cut off. */
function records(bytes: Buffer): Buffer[] {
  const payloads: Buffer[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(offset));
    const payload = bytes.subarray(offset + 12, offset + 12 + length);
    if (bytes.readUInt32LE(offset + 8) !== maskedCrc32c(bytes.subarray(offset, offset + 8)))
      throw new Error('length');
    if (bytes.readUInt32LE(offset + 12 + length) !== maskedCrc32c(payload)) throw new Error('payload');
    payloads.push(payload);
    offset += 16 + length;
  }
  return payloads;
}

/** Field number → raw value of one message, read without a schema. */
function fields(payload: Uint8Array): Map<number, unknown> {
  const reader = protobuf.Reader.create(payload);
  const found = new Map<number, unknown>();
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const read = {
      0: () => Number(reader.int64()),
      1: () => reader.double(),
      2: () => reader.bytes(),
      5: () => reader.float(),
    };
    found.set(tag >>> 3, read[(tag & 7) as keyof typeof read]());
  }
  return found;
}

const text = (bytes: unknown) => Buffer.from(bytes as Uint8Array).toString();

test('crc32c has the check value', (t) => {
  t.is(crc32c(Buffer.from('123456789')), 0xe3069283);
  t.is(crc32c(new Uint8Array(32)), 0x8a9136aa, 'RFC 3720, B.4');
  // A length field of 24 as TensorFlow frames it, seen in its own event files: 24 bytes, CRC a3 7f 4b 22.
  t.is(maskedCrc32c(Uint8Array.of(0x18, 0, 0, 0, 0, 0, 0, 0)), 0x224b7fa3);
});

test('a file has its version, then the scalars in order', async (t) => {
  const writer = await EventFileWriter.open(await folder());
  writer.scalar('loss/train', 1.5, 0, 1000.25);
  writer.scalar('accuracy', Number.NaN, 2 ** 40, 1001);
  await writer.close();

  const [version, first, second, ...rest] = records(await readFile(writer.path)).map(fields);
  t.is(rest.length, 0);
  t.is(text(version?.get(3)), 'brain.Event:2');
  t.true(Math.abs((version?.get(1) as number) - Date.now() / 1000) < 60);
  t.is(first?.get(1), 1000.25);
  const value = fields(fields(first?.get(5) as Uint8Array).get(1) as Uint8Array);
  t.is(text(value.get(1)), 'loss/train');
  t.is(value.get(2), 1.5);
  t.is(second?.get(2), 2 ** 40);
  t.deepEqual(fields(fields(second?.get(5) as Uint8Array).get(1) as Uint8Array).get(2), Number.NaN);
});

test('flushes whole records, in order', async (t) => {
  const writer = await EventFileWriter.open(await folder());
  writer.scalar('a', 1, 1);
  t.is(records(await readFile(writer.path)).length, 1);
  const flushes = [writer.flush()];
  writer.scalar('a', 2, 2);
  flushes.push(writer.flush());
  await Promise.all(flushes);
  t.deepEqual(
    records(await readFile(writer.path)).map((payload) => fields(payload).get(2)),
    [undefined, 1, 2],
  );
  await writer.close();
});

test('a resumed run has a file of its own that marks where it starts', async (t) => {
  const dir = await folder();
  const writers = [await EventFileWriter.open(dir), await EventFileWriter.open(dir, { resumeStep: 7 })];
  for (const writer of writers) await writer.close();
  const names = (await readdir(dir)).sort();
  t.deepEqual(names, writers.map(({ path }) => basename(path)).sort());
  for (const name of names)
    t.regex(name, new RegExp(`^events\\.out\\.tfevents\\.\\d{10}\\..+\\.${process.pid}\\.\\d+$`));
  const start = fields(records(await readFile(writers[1]!.path))[1]!);
  t.is(start.get(2), 7);
  t.is(fields(start.get(7) as Uint8Array).get(1), 1, 'SessionLog.START');
});

test('an error of the system names the file', async (t) => {
  const writer = await EventFileWriter.open(await folder());
  await writer.close();
  writer.scalar('loss', 1, 1);
  const error = await t.throwsAsync(writer.flush());
  t.true(error?.message.includes(writer.path));
});

test('a file is read after those that are there, also where the clock was set back', async (t) => {
  const dir = await folder();
  const first = await EventFileWriter.open(dir);
  await first.close();
  const later = join(dir, 'events.out.tfevents.4000000000.host.1.0');
  await rename(first.path, later);
  const second = await EventFileWriter.open(dir);
  await second.close();
  t.true(second.path > later, second.path);
});
