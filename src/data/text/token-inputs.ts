import { FlatminError } from '../../errors.js';
import type { ModelInput } from '../kind.js';
import type { DataSettings } from '../options.js';
import type { Field } from '../source.js';

/** What an input of a language model holds, by the names that exporters give it. */
const ROLES = {
  ids: /^(input_?ids?|ids|tokens?|token_?ids|x)$/i,
  mask: /^(attention_?|input_?)?mask$/i,
  types: /^(token_?type|segment)(_?ids)?$/i,
  positions: /^position(_?ids|s)?$/i,
} as const;
export type TokenRole = keyof typeof ROLES;

/** An input that is made of tokens. */
export interface TokenInput {
  readonly name: string;
  readonly role: TokenRole;
  readonly type: 'int64' | 'int32' | 'float';
}

/** The inputs that tokens are fed to, and their length. */
export interface TokenShape {
  readonly inputs: readonly TokenInput[];
  readonly length: number;
}

const isInteger = ({ type }: ModelInput): boolean => type === 'int64' || type === 'int32';

/** What an input takes of tokens; undefined for another one. A single input of integers takes tokens whatever its name is. */
function roleOf(input: ModelInput, inputs: readonly ModelInput[]): TokenRole | undefined {
  const found = (Object.keys(ROLES) as TokenRole[]).find((role) => ROLES[role].test(input.name));
  const role = inputs.length === 1 && isInteger(input) ? 'ids' : found;
  return role && (isInteger(input) || (role === 'mask' && input.type === 'float')) ? role : undefined;
}

/** Whether an input of a model is made of tokens, by its name and type. */
export const isTokenInput = (input: ModelInput, inputs: readonly ModelInput[]): boolean =>
  roleOf(input, inputs) !== undefined;

/**
 * Which inputs of a model take tokens, masks, types and positions: by their names; a single input of integers takes tokens.
 * @throws FlatminError INVALID_ARGUMENT where nothing tells the length, INVALID_MODEL where an input is none of these
 */
export function tokenShape(
  inputs: readonly ModelInput[] | undefined,
  { length: asked }: Pick<DataSettings, 'length'>,
): TokenShape {
  if (!inputs)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      'The built-in models classify images: give a model of texts, --model FILE.onnx.',
    );
  const made = inputs.map((input): TokenInput & { dims: ModelInput['dims'] } => {
    const { name, type, dims } = input;
    const role = roleOf(input, inputs);
    if (!role)
      throw new FlatminError(
        'INVALID_MODEL',
        `The input "${name}" (${type}) of the model is none that texts give: token ids, attention mask, token types and positions are known by their names, as input_ids. Say what it is, as --constant ${name}=VALUE.`,
      );
    return { name, role, type: type as TokenInput['type'], dims };
  });
  if (!made.some(({ role }) => role === 'ids'))
    throw new FlatminError('INVALID_MODEL', 'No input of the model takes token ids, as input_ids.');
  const fixed = made.map(({ dims }) => dims[1]).find((dim) => typeof dim === 'number');
  if (fixed !== undefined && asked !== undefined && asked !== fixed)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The model takes ${fixed} tokens, but "length" is ${asked}: leave it out.`,
    );
  const length = fixed ?? asked;
  if (length === undefined)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The model leaves open how many tokens "${made[0]!.name}" has: say it, as --length 128.`,
    );
  return { inputs: made.map(({ name, role, type }) => ({ name, role, type })), length };
}

/** @param size ids are below it */
export const tokenFields = ({ inputs, length }: TokenShape, size: number): Field[] =>
  inputs.map(({ name, role, type }) => ({
    name,
    type,
    dims: [length],
    ...(role === 'ids' && { below: size }),
    ...(role === 'positions' && { below: length }),
  }));

/** Arrays for `count` rows of tokens. */
export class TokenRows {
  readonly arrays: Record<string, BigInt64Array | Int32Array | Float32Array> = {};

  constructor(
    private readonly shape: TokenShape,
    count: number,
  ) {
    const TYPES = { int64: BigInt64Array, int32: Int32Array, float: Float32Array };
    for (const { name, type } of shape.inputs) this.arrays[name] = new TYPES[type](count * shape.length);
  }

  /** Writes a row; what is behind its tokens is padding. */
  set(row: number, ids: ArrayLike<number>, types: ArrayLike<number> | undefined, padId: number): void {
    const { inputs, length } = this.shape;
    const held = Math.min(ids.length, length);
    const values: Record<TokenRole, (at: number) => number> = {
      ids: (at) => (at < held ? ids[at]! : padId),
      mask: (at) => Number(at < held),
      types: (at) => (at < held ? (types?.[at] ?? 0) : 0),
      positions: (at) => at,
    };
    for (const { name, role } of inputs) {
      const array = this.arrays[name]!;
      const value = values[role];
      const from = row * length;
      if (array instanceof BigInt64Array)
        for (let at = 0; at < length; at++) array[from + at] = BigInt(value(at));
      else for (let at = 0; at < length; at++) array[from + at] = value(at);
    }
  }
}
