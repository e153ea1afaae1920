import { FlatminError } from '../errors.js';
import {
  isCounts,
  isSafetensorsDtype,
  SAFETENSORS_DTYPES,
  type SafetensorsDtype,
  tensorBytes,
} from './safetensors-dtypes.js';

/** One tensor's entry: offsets are in bytes from the end of the header. */
export interface HeaderEntry {
  name: string;
  dtype: SafetensorsDtype;
  shape: number[];
  begin: number;
  end: number;
}

export interface Header {
  /** In the order of the data. */
  entries: HeaderEntry[];
  metadata: Record<string, string>;
}

/** The JSON of a header. Its members are put together by hand: an object would reorder names like "10". */
export function formatHeader({ entries, metadata }: Header): string {
  const members = entries.map(({ name, dtype, shape, begin, end }) =>
    member(name, { dtype, shape, data_offsets: [begin, end] }),
  );
  if (Object.keys(metadata).length > 0) members.unshift(member('__metadata__', metadata));
  return `{${members.join(',')}}`;
}

function member(key: string, value: unknown): string {
  return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
}

/**
 * Parses and checks a header against the number of data bytes that follow it: known dtypes, sizes equal to
 * dtype × shape, no gap, no overlap, no byte left over, no name twice.
 * @throws FlatminError INVALID_DATA that names the file, the tensor, what was expected and what was found.
 */
export function parseHeader(file: string, text: string, dataBytes: number): Header {
  const json = parseObject(file, text);
  const metadata = parseMetadata(file, json.__metadata__);
  const entries = Object.entries(json)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => parseEntry(file, name, value))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCoverage(file, entries, dataBytes);
  return { entries, metadata };
}

/** "FILE: expected X, but found Y." */
export function malformed(
  file: string,
  expected: string,
  found: unknown,
  options?: ErrorOptions,
): FlatminError {
  const shown = typeof found === 'string' ? found : json(found);
  return new FlatminError(
    'INVALID_DATA',
    `${file}: expected ${shortened(expected)}, but found ${shortened(shown)}.`,
    options,
  );
}

/** Characters of a name or value out of a file that an error shows. */
const SHOWN = 500;
const shortened = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);

function json(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'nothing';
  } catch {
    return 'what is nested too deep';
  }
}

function parseObject(file: string, text: string): Record<string, unknown> {
  if (!text.startsWith('{')) throw malformed(file, 'a header that begins with "{"', text.slice(0, 16));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw malformed(file, 'a header that is JSON', (cause as Error).message, { cause });
  }
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw malformed(file, `tensor "${repeated}" once`, 'it twice');
  return json as Record<string, unknown>;
}

/** The first key that a JSON object has twice, at its top level: JSON.parse silently keeps the last. */
function repeatedKey(text: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  /** Whether a string that begins now is a key. */
  let isKey = false;
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '{':
      case '[':
        isKey = ++depth === 1;
        break;
      case '}':
      case ']':
        depth--;
        break;
      case ',':
        isKey = depth === 1;
        break;
      case ':':
        isKey = false;
        break;
      case '"': {
        const end = endOfString(text, at);
        const name = isKey ? (JSON.parse(text.slice(at, end)) as string) : undefined;
        if (name !== undefined && seen.has(name)) return name;
        if (name !== undefined) seen.add(name);
        at = end - 1;
      }
    }
  }
  return undefined;
}

/** Behind the closing quote of the string that begins at a place. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function parseMetadata(file: string, value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value)) throw malformed(file, '__metadata__ to be an object', value);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw malformed(file, `__metadata__ "${key}" to be a string`, text);
  }
  return value as Record<string, string>;
}

function parseEntry(file: string, name: string, value: unknown): HeaderEntry {
  const wrong = (expected: string, found: unknown) =>
    malformed(file, `tensor "${name}" to have ${expected}`, found);
  if (!isRecord(value)) throw wrong('an object of dtype, shape and data_offsets', value);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isSafetensorsDtype(dtype))
    throw wrong(`a dtype of ${Object.keys(SAFETENSORS_DTYPES).join(', ')}`, dtype);
  if (!isCounts(shape)) throw wrong('a shape of non-negative integers', shape);
  if (!isCounts(offsets) || offsets.length !== 2) throw wrong('two data_offsets', offsets);
  const [begin, end] = offsets as [number, number];
  const bytes = tensorBytes(dtype, shape);
  if (end - begin !== bytes) {
    throw wrong(
      `${bytes} bytes (${dtype} of shape [${shape.join(', ')}])`,
      `data_offsets [${begin}, ${end}]`,
    );
  }
  return { name, dtype, shape, begin, end };
}

function checkCoverage(file: string, entries: readonly HeaderEntry[], dataBytes: number): void {
  let position = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== position) throw malformed(file, `tensor "${name}" to begin at byte ${position}`, begin);
    if (end > dataBytes) {
      throw malformed(
        file,
        `tensor "${name}" to lie within ${end} bytes of data`,
        `${dataBytes} (is the file cut off?)`,
      );
    }
    position = end;
  }
  if (position !== dataBytes) throw malformed(file, `${position} bytes of data`, dataBytes);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
