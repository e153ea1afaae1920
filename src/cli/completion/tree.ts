import type { Command } from 'commander';
import { type Value, valueOfArgument, valueOfOption, wordsOf } from './values.js';

export interface CompletedOption {
  /** '--help', and '-h' where there is one. */
  readonly flags: readonly string[];
  readonly help: string;
  /** Absent where it takes none. */
  readonly value?: Value;
  /** Whether '--flag' alone will do, and a value is written '--flag=value'. */
  readonly isOptional: boolean;
  readonly isRepeated: boolean;
}

/** A command, with all that may follow it. */
export interface CompletedCommand {
  /** 'bench step'; of the program itself empty. */
  readonly path: string;
  readonly name: string;
  readonly help: string;
  readonly commands: readonly CompletedCommand[];
  readonly options: readonly CompletedOption[];
  readonly argument?: Value;
}

/** Of a command, and of those in it. */
export function completed(command: Command, path = ''): CompletedCommand {
  const help = command.createHelp();
  const [argument] = command.registeredArguments;
  return {
    path,
    name: command.name(),
    help: command.summary() || command.description(),
    commands: help.visibleCommands(command).map((each) => ({
      ...completed(each, path === '' ? each.name() : `${path} ${each.name()}`),
      // Commander's own `help`, which it does not count among the commands.
      ...(!command.commands.includes(each) && {
        argument: wordsOf(command.commands.map((one) => one.name())),
      }),
    })),
    options: help.visibleOptions(command).map((option) => ({
      flags: [option.long, option.short].filter((flag) => flag !== undefined),
      help: option.description.replace(/ \(default: .*$/, ''),
      value: valueOfOption(option),
      isOptional: option.optional,
      isRepeated: option.description.includes('may be repeated'),
    })),
    ...(argument && { argument: valueOfArgument(argument) }),
  };
}

/** A command and all in it, from the top. */
export const flattened = (command: CompletedCommand): CompletedCommand[] => [
  command,
  ...command.commands.flatMap(flattened),
];
