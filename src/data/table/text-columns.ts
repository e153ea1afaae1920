import { FlatminError } from '../../errors.js';
import type { StoredArray } from '../arrays/stored-array.js';
import { missing } from '../column-roles.js';
import type { ModelInput, OpenContext } from '../kind.js';
import type { Source, SourcePart } from '../source.js';
import { TextFit } from '../text/fit.js';
import { requirePadding, TEXT_COLUMNS, tokenizerOf } from '../text/given.js';
import { isTokenInput, type TokenShape, tokenFields, tokenShape } from '../text/token-inputs.js';
import type { TextTokenizer } from '../text/tokenizer.js';
import type { Gatherer } from './gather.js';
import { cellError, type TableColumn, type TableFile } from './table-file.js';
import { ROWS, type StoredTexts, type TokenColumnsRecipe, textAt } from './token-columns.js';

/** More bytes of a column are not held in memory. */
const MOST_BYTES = 2 ** 32;

/** The columns of a table that a model reads as tokens. */
export interface TextPlan {
  /** One text, or the two of a pair. */
  readonly columns: readonly TableColumn[];
  readonly shape: TokenShape;
  readonly tokenizer: { readonly path: string; readonly tokenizer: TextTokenizer };
  /** What is left of the table and of the model for columns of numbers and images. */
  readonly rest: { readonly table: Pick<TableFile, 'file' | 'columns'>; readonly context: OpenContext };
}

/**
 * Which columns are made tokens, where a tokenizer is given: those that the map names for the input of token ids or for `text`, else the
 * one that is called so, or the only one of texts that is no target.
 * @throws FlatminError INVALID_ARGUMENT for columns that are none, INVALID_MODEL, what `tokenizerOf` throws
 */
export async function textPlan(
  table: Pick<TableFile, 'file' | 'columns'>,
  context: OpenContext,
): Promise<TextPlan | undefined> {
  const { settings, inputs } = context;
  if (settings.tokenizer === undefined) {
    if (settings.length !== undefined)
      throw new FlatminError(
        'INVALID_ARGUMENT',
        '"length" is of texts, which need a tokenizer: --tokenizer tokenizer.json.',
      );
    return undefined;
  }
  const tokens = inputs?.filter((input) => isTokenInput(input, inputs));
  const shape = tokenShape(tokens?.length === 0 ? inputs : tokens, settings);
  const tokenizer = await tokenizerOf(context);
  requirePadding(tokenizer);
  const ids = shape.inputs.find(({ role }) => role === 'ids')!.name;
  const columns = textColumns(table, ids, settings.map ?? {});
  const isOurs = (name: string) => name === 'text' || shape.inputs.some((input) => input.name === name);
  const left = Object.entries(settings.map ?? {}).filter(([name]) => !isOurs(name));
  return {
    ...{ columns, shape, tokenizer },
    rest: {
      table: { file: table.file, columns: table.columns.filter((column) => !columns.includes(column)) },
      context: {
        ...context,
        inputs: inputs!.filter((input) => !isOurs(input.name)),
        settings: { ...settings, map: Object.fromEntries(left) },
      },
    },
  };
}

function textColumns(
  { file, columns }: Pick<TableFile, 'file' | 'columns'>,
  ids: ModelInput['name'],
  map: Readonly<Record<string, string>>,
): TableColumn[] {
  const all = columns.map(({ name }) => name);
  const known = (name: string) =>
    columns.find((column) => column.name === name) ?? missing('column', name, file, all);
  const said = map[ids] ?? map.text;
  const texts = columns.filter(({ kind }) => kind === 'text');
  const usual = TEXT_COLUMNS.find((name) => texts.some((column) => column.name === name));
  const named =
    said !== undefined
      ? all.includes(said)
        ? [said]
        : said.split('+').map((name) => name.trim())
      : usual !== undefined
        ? [usual]
        : texts.length === 1
          ? [texts[0]!.name]
          : [];
  if (named.length === 0 || named.length > 2)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `${file} has the columns ${all.join(', ')}: say which is the text, --map text=COLUMN, or text=FIRST+SECOND for pairs.`,
    );
  const found = named.map(known);
  const other = found.find(({ kind }) => kind !== 'text');
  if (other)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The input "${ids}" takes texts, but the column "${other.name}" of ${file} is ${WHAT[other.kind] ?? 'of numbers'}: say which is the text, as --map text=COLUMN.`,
    );
  return found;
}

const WHAT: Readonly<Record<string, string>> = { image: 'of bytes', other: 'of neither numbers nor texts' };

/** Gathers the texts of a column. */
export class TextGatherer implements Gatherer {
  private readonly chunks: Buffer[] = [];
  private readonly ends: number[] = [];
  private bytes = 0;

  constructor(private readonly column: string) {}

  add(table: TableFile, rows: Parameters<Gatherer['add']>[1], [cells]: readonly ArrayLike<unknown>[]): void {
    const texts: string[] = [];
    for (let at = 0; at < rows.count; at++) {
      const cell = cells![at];
      // In a text file a missing value is an empty one.
      if (typeof cell !== 'string' || (cell === '' && rows.lines))
        throw cellError(table, rows, at, this.column, 'there is no text: fill it in, or remove the row');
      texts.push(cell);
      this.bytes += Buffer.byteLength(cell);
      this.ends.push(this.bytes);
    }
    if (this.bytes > MOST_BYTES)
      throw new FlatminError(
        'INVALID_DATA',
        `The texts of the column "${this.column}" of ${table.file} are more than the ${MOST_BYTES / 2 ** 30} GiB that are held in memory: save them as JSON lines (jsonl:FILE), which are read where they lie.`,
      );
    this.chunks.push(Buffer.from(texts.join('')));
  }

  finish(file: string): StoredArray {
    return {
      ...{ name: this.column, file, type: 'double', dims: [this.ends.length], offset: 0 },
      memory: this.texts.ends.buffer as SharedArrayBuffer,
    };
  }

  get texts(): StoredTexts {
    const bytes = new SharedArrayBuffer(this.bytes);
    const ends = new Float64Array(new SharedArrayBuffer(8 * this.ends.length));
    ends.set(this.ends);
    let filled = 0;
    for (const chunk of this.chunks) {
      new Uint8Array(bytes).set(chunk, filled);
      filled += chunk.length;
    }
    return { bytes, ends };
  }
}

/** The number of each row, by which its texts are found. */
export function rowNumbers(count: number, file: string): StoredArray {
  const memory = new SharedArrayBuffer(4 * count);
  const numbers = new Int32Array(memory);
  for (let row = 0; row < count; row++) numbers[row] = row;
  return { name: ROWS, file, type: 'int32', dims: [count], memory, offset: 0 };
}

/** What the user should know of how texts fit the model. */
export function fitNotes(
  { columns, shape, tokenizer: { tokenizer } }: TextPlan,
  texts: readonly StoredTexts[],
) {
  const fit = new TextFit(tokenizer, shape.length);
  for (let row = 0; row < texts[0]!.ends.length && row < TextFit.lookedAt; row++)
    fit.look(textAt(texts[0]!, row), texts[1] && textAt(texts[1], row));
  return [`Texts are ${columns.map(({ name }) => `"${name}"`).join(' and ')}.`, ...fit.notes()];
}

/** A source whose batches have the numbers of their rows, with the tokens of those rows instead. */
export function withTokens(
  source: Source,
  { shape, tokenizer: { path, tokenizer } }: TextPlan,
  texts: { readonly train: readonly StoredTexts[]; readonly test: readonly StoredTexts[] },
): Source {
  const part = (of: SourcePart, own: readonly StoredTexts[]): SourcePart => ({
    ...of,
    recipe: (use): TokenColumnsRecipe => ({
      ...{ maker: 'token-columns', inner: of.recipe(use), texts: own, shape, tokenizer: path },
    }),
  });
  const wrap = (inner: Source): Source => ({
    ...inner,
    inputs: [...tokenFields(shape, tokenizer.size), ...inner.inputs],
    train: part(inner.train, texts.train),
    test: part(inner.test, texts.test),
    take: (indices) => wrap(inner.take(indices)),
  });
  return wrap(source);
}
