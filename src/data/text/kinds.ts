import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { FlatminError, withPath } from '../../errors.js';
import { dataKind, type OpenContext } from '../kind.js';
import { Purpose, randomStream, shuffledIndices } from '../random.js';
import type { Field, Source } from '../source.js';
import { TextFit } from './fit.js';
import type { JsonLinesRecipe } from './json-lines.js';
import { type JsonRecord, parseRecord, textOf } from './json-record.js';
import { indexLines, type LineIndex, takeLines } from './line-file.js';
import { partFiles } from './parts.js';
import type { TokenBlocksRecipe } from './token-blocks.js';
import { type TokenShape, tokenFields, tokenShape } from './token-inputs.js';
import { openTokenizer, type TextTokenizer } from './tokenizer.js';

/** Of the samples, where the data have no part for tests and `split` is not given. */
const SPLIT = 0.1;
/** Columns that are looked for where `map` names none. */
const TEXT_COLUMNS = ['text', 'sentence', 'content'];
const LABEL_COLUMNS = ['label', 'labels', 'class', 'target'];

/** @throws FlatminError INVALID_ARGUMENT where there is no tokenizer */
async function tokenizerOf({
  settings: { tokenizer },
}: OpenContext): Promise<{ path: string; tokenizer: TextTokenizer }> {
  if (tokenizer === undefined)
    throw new FlatminError('INVALID_ARGUMENT', 'Texts need a tokenizer: --tokenizer tokenizer.json.');
  const path = resolve(tokenizer);
  return { path, tokenizer: await openTokenizer(path) };
}

/** A label of a record, as a text. */
function labelOf(record: JsonRecord, column: string, path: string, number: number): string {
  const value = Object.hasOwn(record, column) ? record[column] : undefined;
  if (typeof value === 'string' || typeof value === 'boolean' || Number.isInteger(value))
    return String(value);
  throw new FlatminError(
    'INVALID_DATA',
    `${path}, line ${number}: expected "${column}" to be a class, a text or an integer, but found ${value === undefined ? 'none' : JSON.stringify(value)?.slice(0, 60)}.`,
  );
}

/** Integers in the order of numbers, anything else by code points. */
function classNames(labels: Iterable<string>): string[] {
  const names = [...new Set(labels)];
  return names.every((name) => /^-?\d+$/.test(name))
    ? names.sort((a, b) => Number(a) - Number(b))
    : names.sort((a, b) => (a < b ? -1 : 1));
}

/** Lines of one part, with their labels. */
interface Labelled {
  readonly lines: LineIndex;
  readonly labels: readonly string[];
}

async function readLabelled(
  path: string,
  columns: readonly string[],
  label: string,
  fit?: TextFit,
): Promise<Labelled> {
  const labels: string[] = [];
  const lines = await indexLines(path, (line, number) => {
    const record = parseRecord(line, path, number);
    const [text, pair] = columns.map((column) => textOf(record, column, path, number));
    fit?.look(text!, pair);
    labels.push(labelOf(record, label, path, number));
  });
  return { lines, labels };
}

/** The columns of texts and of the class: those of `map`, else those of usual names. @throws FlatminError INVALID_DATA */
async function columnsOf(
  path: string,
  { settings: { map = {} } }: OpenContext,
  { inputs }: TokenShape,
): Promise<{ texts: string[]; label: string | undefined }> {
  let first: JsonRecord | undefined;
  await indexLines(path, (line, number) => {
    first ??= parseRecord(line, path, number);
  });
  if (!first) throw new FlatminError('INVALID_DATA', `${path} is empty: a JSON object a line is expected.`);
  const ids = inputs.find(({ role }) => role === 'ids')!.name;
  const keys = Object.keys(first);
  for (const name of Object.keys(map))
    if (name !== 'text' && name !== ids && !LABEL_COLUMNS.includes(name))
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `"map" names ${name}: texts give ${ids} (or text) and labels, as --map text=review,labels=stars.`,
      );
  const texts =
    (map[ids] ?? map.text)?.split('+') ?? TEXT_COLUMNS.filter((name) => keys.includes(name)).slice(0, 1);
  if (texts.length === 0 || texts.length > 2)
    throw new FlatminError(
      'INVALID_DATA',
      `${path} has the columns ${keys.join(', ')}: say which is the text, --map text=COLUMN, or text=FIRST+SECOND for pairs.`,
    );
  const label = LABEL_COLUMNS.map((name) => map[name]).find((name) => name !== undefined);
  return { texts, label: label ?? LABEL_COLUMNS.find((name) => keys.includes(name)) };
}

const indicesUpTo = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i);

async function openJsonLines(location: string, context: OpenContext): Promise<Source> {
  const { settings, seed } = context;
  const files = await partFiles(location, 'jsonl');
  const shape = tokenShape(context.inputs, settings);
  const { path: tokenizer, tokenizer: opened } = await tokenizerOf(context);
  const { texts, label } = await columnsOf(files.train, context, shape);
  if (label === undefined) {
    const read = async (path: string) => {
      const documents: string[] = [];
      await indexLines(path, (line, number) => {
        documents.push(textOf(parseRecord(line, path, number), texts[0]!, path, number));
      });
      return documents;
    };
    return nextTokens(location, context, shape, opened, {
      train: await read(files.train),
      ...(files.test && { test: await read(files.test) }),
    });
  }
  if (opened.padId === undefined)
    throw new FlatminError(
      'INVALID_DATA',
      `The tokenizer ${tokenizer} has no token to fill short texts with: give its tokenizer_config.json a "pad_token".`,
    );
  const fit = new TextFit(opened, shape.length);
  const all = await readLabelled(files.train, texts, label, fit);
  const names = classNames(all.labels);
  if (names.length < 2)
    throw new FlatminError(
      'INVALID_DATA',
      `${files.train} holds ${names.length === 0 ? 'no line' : `the one class ${names[0]}`}: two classes at least are expected.`,
    );
  const indexOf = new Map(names.map((name, index) => [name, index]));
  const part = ({ lines, labels }: Labelled) => {
    const indices = new Int32Array(new SharedArrayBuffer(4 * labels.length));
    for (const [at, name] of labels.entries()) {
      const index = indexOf.get(name);
      if (index === undefined)
        throw new FlatminError(
          'INVALID_DATA',
          `${lines.path}, line ${lines.numbers[at]}: the class ${JSON.stringify(name)} is not in ${files.train}, whose classes are ${names.join(', ')}.`,
        );
      indices[at] = index;
    }
    return { lines, labels: indices };
  };
  const pick = ({ lines, labels }: Labelled, indices: ArrayLike<number>): Labelled => ({
    lines: takeLines(lines, indices),
    labels: Array.from(indices, (at) => labels[at]!),
  });
  const notes: string[] = [
    `Texts are ${texts.join(' and ')} of ${location}, classes are ${label}: ${names.join(', ')}.`,
  ];
  notes.push(...fit.notes());
  let parts: { train: Labelled; test: Labelled };
  if (files.test) parts = { train: all, test: await readLabelled(files.test, texts, label) };
  else {
    const { split = SPLIT } = settings;
    const order = shuffledIndices(all.labels.length, randomStream(Purpose.split, seed));
    const tested = Math.round(split * order.length);
    notes.push(`${tested} of the ${order.length} lines are tested on (split ${split}).`);
    parts = {
      train: pick(all, order.subarray(tested).sort()),
      test: pick(all, order.subarray(0, tested).sort()),
    };
  }
  const fields = tokenFields(shape, opened.size);
  const target: Field = { name: 'labels', type: 'int64', dims: [], classes: { count: names.length, names } };
  const source = ({ train, test }: typeof parts): Source => {
    const made = (given: Labelled) => {
      const { lines, labels } = part(given);
      const recipe: JsonLinesRecipe = {
        maker: 'json-lines',
        lines,
        labels,
        columns: texts,
        tokenizer,
        shape,
      };
      return { size: given.labels.length, recipe: () => recipe };
    };
    return {
      name: location,
      inputs: fields,
      targets: [target],
      train: made(train),
      test: made(test),
      notes,
      take: ({
        train: some = indicesUpTo(train.labels.length),
        test: others = indicesUpTo(test.labels.length),
      }) => source({ train: pick(train, some), test: pick(test, others) }),
    };
  };
  return source(parts);
}

/** Next-token prediction: documents behind each other, cut into blocks. */
function nextTokens(
  location: string,
  { settings: { split = SPLIT } }: OpenContext,
  shape: TokenShape,
  tokenizer: TextTokenizer,
  documents: { train: readonly string[]; test?: readonly string[] },
): Source {
  const { length } = shape;
  const train = tokensOf(tokenizer, documents.train);
  const blocks = (count: number) => Math.max(0, Math.floor((count - 1) / length));
  const notes: string[] = [];
  const starts = (from: number, to: number): Float64Array => {
    const list = new Float64Array(new SharedArrayBuffer(8 * (to - from)));
    for (let at = 0; at < list.length; at++) list[at] = (from + at) * length;
    return list;
  };
  const all = blocks(train.length);
  const told = `${train.length} tokens of ${location} are ${all} blocks of ${length}`;
  let parts: Record<'train' | 'test', { tokens: Uint32Array; starts: Float64Array }>;
  if (documents.test) {
    const test = tokensOf(tokenizer, documents.test);
    parts = {
      train: { tokens: train, starts: starts(0, all) },
      test: { tokens: test, starts: starts(0, blocks(test.length)) },
    };
    notes.push(`${told}.`);
  } else {
    // The end of a text, since neighbouring blocks are alike.
    const tested = Math.round(split * all);
    parts = {
      train: { tokens: train, starts: starts(0, all - tested) },
      test: { tokens: train, starts: starts(all - tested, all) },
    };
    notes.push(`${told}; the last ${tested} are tested on (split ${split}).`);
  }
  if (parts.train.starts.length === 0)
    throw new FlatminError(
      'INVALID_DATA',
      `${location} holds ${train.length} tokens, too few for blocks of ${length}: give more text, or a smaller --length.`,
    );
  const target: Field = {
    name: 'labels',
    type: 'int64',
    dims: [length],
    classes: { count: tokenizer.size, names: [], isPartial: true },
  };
  const source = (of: typeof parts): Source => {
    const made = ({ tokens, starts: at }: (typeof parts)['train']) => {
      const recipe: TokenBlocksRecipe = { maker: 'token-blocks', tokens, starts: at, shape };
      return { size: at.length, recipe: () => recipe };
    };
    const pick = ({ tokens, starts: at }: (typeof parts)['train'], some: Int32Array | undefined) => {
      if (!some) return { tokens, starts: at };
      const list = new Float64Array(new SharedArrayBuffer(8 * some.length));
      for (const [to, from] of some.entries()) list[to] = at[from]!;
      return { tokens, starts: list };
    };
    return {
      name: location,
      inputs: tokenFields(shape, tokenizer.size),
      targets: [target],
      train: made(of.train),
      test: made(of.test),
      notes,
      take: ({ train: some, test: others }) =>
        source({ train: pick(of.train, some), test: pick(of.test, others) }),
    };
  };
  return source(parts);
}

/** Characters that are made tokens at a time: pieces of documents, cut behind line ends. */
const PIECE = 1 << 16;

/** The tokens of documents, with the token that ends one behind each. On shared memory. */
function tokensOf(tokenizer: TextTokenizer, documents: readonly string[]): Uint32Array {
  const pieces: Uint32Array[] = [];
  for (const document of documents) {
    for (let from = 0; from < document.length; ) {
      const end =
        from + PIECE >= document.length ? document.length : document.indexOf('\n', from + PIECE) + 1;
      const to = end <= 0 ? document.length : end;
      pieces.push(Uint32Array.from(tokenizer.encode(document.slice(from, to), false).ids));
      from = to;
    }
    if (tokenizer.endId !== undefined && documents.length > 1) pieces.push(Uint32Array.of(tokenizer.endId));
  }
  const tokens = new Uint32Array(
    new SharedArrayBuffer(4 * pieces.reduce((sum, { length }) => sum + length, 0)),
  );
  let at = 0;
  for (const piece of pieces) {
    tokens.set(piece, at);
    at += piece.length;
  }
  return tokens;
}

async function openText(location: string, context: OpenContext): Promise<Source> {
  const files = await partFiles(location, 'txt');
  const shape = tokenShape(context.inputs, context.settings);
  const { tokenizer } = await tokenizerOf(context);
  const read = async (path: string) => {
    const text = await readFile(path, 'utf8').catch((error) => {
      throw withPath(error, path);
    });
    if (text.trim() === '') throw new FlatminError('INVALID_DATA', `${path} is empty: a text is expected.`);
    return [text];
  };
  return nextTokens(location, context, shape, tokenizer, {
    train: await read(files.train),
    ...(files.test && { test: await read(files.test) }),
  });
}

const kind = { location: 'FILE|DIR', augment: 'none' } as const;

/** Texts whose next tokens are predicted. */
export const text = dataKind({
  ...kind,
  name: 'text',
  settings: ['split', 'tokenizer', 'length'],
  open: openText,
});

/** JSON objects, one a line: texts with classes, or texts alone whose next tokens are predicted. */
export const jsonl = dataKind({
  ...kind,
  name: 'jsonl',
  settings: ['split', 'map', 'tokenizer', 'length'],
  open: openJsonLines,
});
