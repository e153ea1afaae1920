import { type CompletedCommand, type CompletedOption, flattened } from './tree.js';
import type { Value } from './values.js';

/** For fish 3. */
export function fishScript(program: CompletedCommand): string {
  const groups = flattened(program).filter(({ commands }) => commands.length > 0);
  const leaves = flattened(program).filter(({ commands }) => commands.length === 0);
  return `# Tab completion of ${program.name} in fish.

# Whether what was typed begins with a command.
function __flatmin_at
    set -l typed (commandline -opc)
    set -e typed[1]
    set -l begin $typed[1..(count $argv)]
    test "$begin" = "$argv"
end

# Whether it is exactly that.
function __flatmin_is
    set -l typed (commandline -opc)
    set -e typed[1]
    test "$typed" = "$argv"
end

# The part of the word before what is completed, behind '--flag='.
function __flatmin_head
    commandline -ct | string replace -r '^--[^=]*=' '' | string match -r "^.*$argv[1]"
end

function __flatmin_list
    printf '%s\\n' (__flatmin_head ,)$argv; or printf '%s\\n' $argv
end

# Words, of which those that end in ':' are followed by a folder.
function __flatmin_words
    set -l head (__flatmin_head :)
    if test -n "$head"
        set -l rest (commandline -ct | string replace -r '^[^:]*:' '')
        for folder in (__fish_complete_directories "$rest" '')
            echo $head$folder
        end
    else
        printf '%s\\n' $argv
    end
end

complete -c ${program.name} -f
${groups.flatMap((group) => [...group.commands.map((each) => subcommand(program.name, group, each)), ...group.options.map((each) => option(program.name, `__flatmin_is ${group.path}`, each))]).join('\n')}
${leaves.flatMap((leaf) => leafLines(program.name, leaf)).join('\n')}
`;
}

const subcommand = (program: string, { path }: CompletedCommand, { name, help }: CompletedCommand): string =>
  `complete -c ${program} -n ${quoted(`__flatmin_is ${path}`.trim())} -a ${name} -d ${quoted(help)}`;

const leafLines = (program: string, { path, options, argument }: CompletedCommand): string[] => [
  ...options.map((each) => option(program, `__flatmin_at ${path}`, each)),
  ...(argument ? [`complete -c ${program} -n ${quoted(`__flatmin_at ${path}`)} ${given(argument)}`] : []),
];

function option(program: string, condition: string, each: CompletedOption): string {
  const { flags, help, value, isOptional } = each;
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const takes = value && !isOptional ? ` -r ${given(value)}` : '';
  return `complete -c ${program} -n ${quoted(condition.trim())} ${names.join(' ')}${takes} -d ${quoted(help)}`;
}

/** Arguments of complete: no files but where they are meant. */
function given({ words, files, isList }: Value): string {
  const folders = files === 'folders' ? ['(__fish_complete_directories (commandline -ct))'] : [];
  const hasFolders = words.some((word) => word.endsWith(':'));
  const called = isList ? '__flatmin_list' : hasFolders ? '__flatmin_words' : undefined;
  const listed = words.length === 0 ? folders : called ? [`(${called} ${words.join(' ')})`] : [...words];
  return `${files === 'files' ? '-F' : '-f'}${listed.length > 0 ? ` -a ${quoted(listed.join(' '))}` : ''}`;
}

const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
