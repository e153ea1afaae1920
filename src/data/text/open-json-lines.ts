import { FlatminError } from '../../errors.js';
import type { OpenContext, PartPaths } from '../kind.js';
import { Purpose, randomStream, shuffledIndices } from '../random.js';
import type { Field, Source } from '../source.js';
import { keepLabels } from '../unseen-labels.js';
import { classCodes, type Labelled } from './class-codes.js';
import { TextFit } from './fit.js';
import { requirePadding, SPLIT, TEXT_COLUMNS, tokenizerOf } from './given.js';
import type { JsonLinesRecipe } from './json-lines.js';
import { type JsonRecord, parseRecord, textOf } from './json-record.js';
import { indexLines, linesOf, takeLines } from './line-file.js';
import { nextTokens } from './next-tokens.js';
import { partFiles } from './parts.js';
import { piecesOf, type TextPiece } from './pieces.js';
import { type TokenShape, tokenFields, tokenShape } from './token-inputs.js';

/** Columns that are looked for where `map` names none. */
const LABEL_COLUMNS = ['label', 'labels', 'class', 'target'];

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

async function readLabelled(
  paths: readonly string[],
  columns: readonly string[],
  label: string,
  fit?: TextFit,
): Promise<Labelled> {
  const labels: string[] = [];
  const lines = await indexLines(paths, (line, number, path) => {
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
  for await (const { text, number } of linesOf(path)) {
    first = parseRecord(text, path, number);
    break;
  }
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

/** The texts of a column, each a document. */
async function* documentsOf(path: string, column: string): AsyncGenerator<TextPiece, void, undefined> {
  for await (const { text, number } of linesOf(path))
    yield* piecesOf(textOf(parseRecord(text, path, number), column, path, number));
}

const indicesUpTo = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i);

export const openJsonLines = async (location: string, context: OpenContext): Promise<Source> =>
  openJsonLinesFiles(location, await partFiles(location, 'jsonl'), context);

/** As `DataKind.openFiles`. */
export async function openJsonLinesFiles(
  location: string,
  files: PartPaths,
  context: OpenContext,
): Promise<Source> {
  const { settings, seed } = context;
  const shape = tokenShape(context.inputs, settings);
  const { path: tokenizer, tokenizer: opened } = await tokenizerOf(context);
  const { texts, label } = await columnsOf(files.train[0]!, context, shape);
  if (label === undefined) {
    const [column] = texts;
    return nextTokens(location, context, { shape, path: tokenizer, tokenizer: opened }, files, {
      kind: `jsonl ${column}`,
      read: (path) => documentsOf(path, column!),
    });
  }
  requirePadding({ path: tokenizer, tokenizer: opened });
  const fit = new TextFit(opened, shape.length);
  const all = await readLabelled(files.train, texts, label, fit);
  const tests = files.test && (await readLabelled(files.test, texts, label));
  const { classes, codeOf, notes: ofClasses } = classCodes(all, tests, label, context);
  const { names } = classes;
  const pick = ({ lines, labels }: Labelled, indices: ArrayLike<number>): Labelled => ({
    lines: takeLines(lines, indices),
    labels: Array.from(indices, (at) => labels[at]!),
  });
  const notes: string[] = [...files.notes, `Texts are ${texts.join(' and ')} of ${location}.`, ...ofClasses];
  notes.push(...fit.notes());
  let parts: { train: Labelled; test: Labelled };
  if (tests) parts = { train: all, test: tests };
  else {
    const { split = SPLIT } = settings;
    const order = shuffledIndices(all.labels.length, randomStream(Purpose.split, seed));
    const tested = Math.round(split * order.length);
    const drawn = { train: order.slice(tested).sort(), test: order.slice(0, tested).sort() };
    const labels = Int32Array.from(all.labels, codeOf);
    const { isMeasured, ignoreIndex } = context;
    const kept = keepLabels(drawn, labels, (label) => names[label] ?? String(label), {
      isMeasured,
      ignoreIndex,
      location,
    });
    if (kept.note) notes.push(kept.note);
    const { train, test } = kept.split;
    notes.push(`${test.length} of the ${order.length} lines are tested on (split ${split}).`);
    parts = { train: pick(all, train), test: pick(all, test) };
  }
  const fields = tokenFields(shape, opened.size);
  const target: Field = { name: 'labels', type: 'int64', dims: [], classes };
  const source = ({ train, test }: typeof parts): Source => {
    const made = (given: Labelled) => {
      const { lines } = given;
      const labels = new Int32Array(new SharedArrayBuffer(4 * given.labels.length));
      for (const [at, label] of given.labels.entries()) labels[at] = codeOf(label);
      const recipe: JsonLinesRecipe = {
        maker: 'json-lines',
        lines,
        labels,
        columns: texts,
        tokenizer,
        shape,
      };
      return {
        size: given.labels.length,
        recipe: () => recipe,
        async *targets() {
          yield { values: labels, samples: labels.length };
        },
      };
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
