import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** What binding.gyp says of the addon: the one list of its sources and flags. */
export interface Recipe {
  /** Relative to `native`. */
  readonly sources: readonly string[];
  /** For GCC and Clang: language, optimization, warnings, definitions. */
  readonly flags: readonly string[];
  readonly includes: readonly string[];
  /** The oldest macOS. */
  readonly macos: string;
}

interface BindingGyp {
  readonly targets: readonly [
    {
      readonly sources: readonly string[];
      readonly include_dirs: readonly string[];
      readonly defines: readonly string[];
      readonly cflags_cc: readonly string[];
      readonly xcode_settings: { readonly MACOSX_DEPLOYMENT_TARGET: string };
    },
  ];
}

/** Reads native/binding.gyp as gyp does, with what its commands print. */
export function recipe(native: string): Recipe {
  const [target] = (JSON.parse(readFileSync(resolve(native, 'binding.gyp'), 'utf8')) as BindingGyp).targets;
  const expanded = (items: readonly string[]) => items.flatMap((item) => expansion(item, native));
  return {
    sources: expanded(target.sources),
    includes: expanded(target.include_dirs).map((path) => resolve(native, path)),
    flags: [...target.cflags_cc, ...target.defines.map((name) => `-D${name}`)],
    macos: target.xcode_settings.MACOSX_DEPLOYMENT_TARGET,
  };
}

/** `<!(command)` is a text, `<!@(command)` a list. */
function expansion(item: string, cwd: string): readonly string[] {
  const [, list, command] = /^<!(@?)\((.*)\)$/s.exec(item) ?? [];
  if (command === undefined) return [item];
  const text = execFileSync(command, { cwd, shell: true, encoding: 'utf8' }).trim();
  return list ? text.split(/\s+/) : [text];
}
