import type { Argument, Option } from 'commander';
import { dataKinds } from '../../data/open.js';
import { builtinExperiments } from '../../experiment/builtin/index.js';
import { OPTIMIZER_NAMES } from '../../settings/schema.js';
import { MEASURE_NAMES } from '../../sharpness/options.js';

/** What the value of an option or an argument may be. */
export interface Value {
  /** One that ends in ':' is followed by a file or a folder. */
  readonly words: readonly string[];
  /** Names of files or folders, besides the words. */
  readonly files: 'files' | 'folders' | 'none';
  /** Whether several words may stand there, with commas. */
  readonly isList: boolean;
}

const FOLDERS: ReadonlySet<string> = new Set(['folder', 'run']);
const FILES: ReadonlySet<string> = new Set(['file', 'file.py', 'path', 'paths', 'model', 'subject']);

/** What commander is not told, by the flags of an option or the name of an argument. */
export const KNOWN: Readonly<Record<string, Partial<Value>>> = {
  '--data <set>': { words: dataKinds.map(({ name, location }) => (location ? `${name}:` : name)) },
  '--model <name>': { words: ['wrn-16-4', 'wrn-28-10', 'small-cnn', 'mlp'], files: 'files' },
  '--compare <names>': { words: OPTIMIZER_NAMES, isList: true },
  '--optimizers <list>': { words: OPTIMIZER_NAMES, isList: true },
  '--measures <names>': { words: MEASURE_NAMES, isList: true },
  '--runtime <choice>': { words: ['stock', 'training'], files: 'files' },
  '--device <name>': { words: ['cpu', 'cuda'] },
  experiment: { words: builtinExperiments.map(({ name }) => name), files: 'files' },
};

/** Of an option that takes none: undefined. */
export function valueOfOption({ flags, argChoices, required, optional }: Option): Value | undefined {
  if (!required && !optional) return undefined;
  const [, placeholder = ''] = /[<[](.+)[>\]]$/.exec(flags) ?? [];
  return valueNamed(flags, placeholder, argChoices);
}

export const valueOfArgument = (argument: Argument): Value =>
  valueNamed(argument.name(), argument.name(), argument.argChoices);

/** Words alone. */
export const wordsOf = (words: readonly string[]): Value => ({ words, files: 'none', isList: false });

function valueNamed(key: string, placeholder: string, choices: readonly string[] | undefined): Value {
  const files = FOLDERS.has(placeholder) ? 'folders' : FILES.has(placeholder) ? 'files' : 'none';
  return { ...wordsOf(choices ?? []), files, ...KNOWN[key] };
}
