import type { Command } from 'commander';

const added = new WeakMap<Command, readonly string[]>();

/** Command lines at the end of a command's help. */
export function addExamples(command: Command, ...lines: readonly string[]): void {
  added.set(command, lines);
  const title = lines.length === 1 ? 'Example:' : 'Examples:';
  command.addHelpText('after', `\n${[title, ...lines.map((line) => `  ${line}`)].join('\n')}`);
}

export const examplesOf = (command: Command): readonly string[] => added.get(command) ?? [];
