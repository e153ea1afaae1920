import { FlatminError } from '../../errors.js';
import { isTargetName, mapped, missing } from '../column-roles.js';
import type { ModelInput, OpenContext } from '../kind.js';
import type { FieldType } from '../source.js';
import { isNumeric, type TableColumn, type TableFile } from './table-file.js';

/** An input or target and the columns that it is made of. */
export interface TableRole {
  readonly field: string;
  readonly columns: readonly TableColumn[];
  readonly input?: ModelInput | undefined;
}

/** A field and the columns that it is of. */
export interface TablePlan extends TableRole {
  readonly type: FieldType;
  readonly dims: readonly number[];
  readonly isClasses: boolean;
  /** Whether the column is of images. */
  readonly isImage?: boolean;
}

export interface TableRoles {
  readonly inputs: readonly TableRole[];
  readonly targets: readonly TableRole[];
  readonly notes: readonly string[];
}

/**
 * Inputs and targets are what the map says, else the columns of their names. What is left: the target is the column that is called so,
 * or the last; a single input takes all other numeric columns.
 * @throws FlatminError INVALID_ARGUMENT for columns that there are not, or that are not what they are needed for
 */
export function tableRoles(
  { file, columns }: Pick<TableFile, 'file' | 'columns'>,
  { settings, inputs: given, loss }: Pick<OpenContext, 'settings' | 'inputs' | 'loss'>,
): TableRoles {
  const map = mapped(settings.map, given);
  const named = new Map(columns.map((column) => [column.name, column]));
  const known = (name: string) => named.get(name) ?? missing('column', name, file, named.keys());
  /** A column may have a plus in its name. */
  const several = (text: string) =>
    named.has(text) ? [known(text)] : text.split('+').map((name) => known(name.trim()));
  const notes: string[] = [];
  const said = (field: string) => {
    const text = map.inputs.get(field) ?? (named.has(field) ? field : undefined);
    return text === undefined ? undefined : several(text);
  };
  const images = columns.filter(({ kind }) => kind === 'image');
  // What a model that is made for the data reads.
  const made = map.inputs.size > 0 ? [...map.inputs.keys()] : images.slice(0, 1).map(({ name }) => name);
  const wanted = given ?? made.map((name): ModelInput => ({ name, type: 'float', dims: [] }));
  const inputs = wanted.map((input) => ({ field: input.name, input, columns: said(input.name) }));
  const open = inputs.filter((each) => !each.columns);

  let targets: TableRole[] = [...map.targets].map(([field, text]) => ({ field, columns: several(text) }));
  if (targets.length === 0 && loss !== 'output') {
    const read = new Set(inputs.flatMap((each) => each.columns ?? []));
    const rest = columns.filter((column) => !read.has(column));
    const called = rest.filter(({ name }) => isTargetName(name));
    const target = called.length === 1 ? called[0]! : rest.at(-1);
    if (!target)
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `${file} has no column left that is the target: the model reads all of ${list(columns)}.`,
      );
    targets = [{ field: target.name, columns: [target] }];
    notes.push(`The target is the column "${target.name}"${called.length === 1 ? '' : ', the last one'}.`);
  }
  if (open.length > 1)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `Nothing tells which columns of ${file} the inputs ${open.map(({ field }) => field).join(', ')} are; it has ${list(columns)}. Say it, as --map ${open[0]!.field}=COLUMN+COLUMN.`,
    );
  const [single] = open;
  if (single) {
    const used = new Set([...targets, ...inputs].flatMap((role) => role.columns ?? []));
    const rest = columns.filter((column) => !used.has(column));
    const [image] = images;
    const isImage = single.input.dims.length === 4 && image !== undefined && images.length === 1;
    single.columns = isImage ? [image] : rest.filter(isNumeric);
    const left = rest.filter((column) => !isNumeric(column));
    if (!isImage) requireWidth(file, single.input, single.columns, rest);
    notes.push(
      isImage
        ? `The input "${single.field}" takes the images of the column "${image.name}".`
        : `The input "${single.field}" takes the ${single.columns.length} columns ${list(single.columns)}.${left.length > 0 ? ` Left out, as they are no numbers: ${list(left)}.` : ''}`,
    );
  }
  const roles = inputs.map((role): TableRole => ({ ...role, columns: role.columns! }));
  for (const role of roles) for (const column of role.columns) requireInput(file, role, column);
  for (const role of targets) for (const column of role.columns) requireTarget(file, role, column);
  return { inputs: roles, targets, notes };
}

const list = (columns: readonly TableColumn[]): string =>
  columns.map(({ name }) => `"${name}"`).join(', ') || 'none';

/** @throws FlatminError INVALID_ARGUMENT where the model reads another number of columns than there are */
function requireWidth(
  file: string,
  { name, dims }: ModelInput,
  numeric: readonly TableColumn[],
  rest: readonly TableColumn[],
): void {
  const sizes = dims.slice(1);
  const isStated = sizes.length > 0 && sizes.every((dim) => typeof dim === 'number');
  const wanted = sizes.reduce<number>((product, dim) => product * Number(dim), 1);
  if (numeric.length > 0 && (!isStated || wanted === numeric.length)) return;
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `The model's input "${name}" has shape ${dims.join(' × ')}, but ${file} has ${numeric.length} columns of numbers besides the target: ${list(rest)}. Say which it takes, as --map ${name}=COLUMN+COLUMN.`,
  );
}

/** @throws FlatminError INVALID_ARGUMENT for a column that no model can read */
function requireInput(file: string, { field, columns }: TableRole, column: TableColumn): void {
  if (isNumeric(column) || (column.kind === 'image' && columns.length === 1)) return;
  const { kind, name } = column;
  const what = {
    image: 'of images (bytes), which cannot be put beside other columns: give it alone',
    text: 'of text: --tokenizer tokenizer.json makes tokens of it for a model that reads such; or give numbers, such as one column of 0 and 1 for each value',
    other: 'of neither numbers nor text: give columns of numbers',
  }[kind as 'image' | 'text' | 'other'];
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `The input "${field}" is the column "${name}" of ${file}, which is ${what}.`,
  );
}

/** @throws FlatminError INVALID_ARGUMENT for a column that no loss compares with */
function requireTarget(file: string, { columns }: TableRole, { kind, name }: TableColumn): void {
  if (kind !== 'image' && kind !== 'other' && (kind !== 'text' || columns.length === 1)) return;
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `The target "${name}" of ${file} is neither of numbers nor of names of classes: say which column it is, as --map labels=COLUMN.`,
  );
}
