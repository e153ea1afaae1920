import { type CompletedCommand, type CompletedOption, flattened } from './tree.js';
import type { Value } from './values.js';

/** For zsh 5: to be evaluated, or a file `_flatmin` on fpath. */
export function zshScript(program: CompletedCommand): string {
  return `#compdef ${program.name}
# Tab completion of ${program.name} in zsh.

# _flatmin_value FILES LIST WORDS...
_flatmin_value() {
  local files=$1 list=$2 found=1
  shift 2
  [[ $list == yes ]] && compset -P '*,'
  if (( \${+argv[(r)*:]} )) && compset -P '*:'; then
    _files -/
    return
  fi
  local -a open=(\${(M)@:#*:}) whole=(\${@:#*:})
  (( $#whole )) && { [[ $list == yes ]] && compadd -qS , -- $whole || compadd -- $whole } && found=0
  (( $#open )) && compadd -S '' -- $open && found=0
  case $files in
    files) _files && found=0 ;;
    folders) _files -/ && found=0 ;;
  esac
  return found
}

${flattened(program)
  .map((command) => (command.commands.length > 0 ? groupFunction(command) : leafFunction(command)))
  .join('\n\n')}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _flatmin "$@"
else
  compdef _flatmin ${program.name}
fi
`;
}

const functionOf = (path: string): string => ['_flatmin', ...path.split(' ')].filter(Boolean).join('_');

function groupFunction(command: CompletedCommand): string {
  const { path, commands } = command;
  const described = commands.map(({ name, help }) => quoted(`${name}:${help.replace(/[\\:]/g, '\\$&')}`));
  return `${functionOf(path)}() {
  local -a commands=(
    ${described.join('\n    ')}
  )
  local state line
  _arguments -C \\
    ${[...optionSpecs(command), quoted('1: :->command'), quoted('*:: :->rest')].join(' \\\n    ')}
  case $state in
    command) _describe command commands ;;
    rest)
      case $line[1] in
        ${commands.map(({ name, path: own }) => `${name}) ${functionOf(own)} ;;`).join('\n        ')}
      esac ;;
  esac
}`;
}

function leafFunction(command: CompletedCommand): string {
  const { path, argument } = command;
  const specs = [...optionSpecs(command), ...(argument ? [quoted(`*:value:${action(argument)}`)] : [])];
  return `${functionOf(path)}() {\n  _arguments \\\n    ${specs.join(' \\\n    ')}\n}`;
}

const optionSpecs = ({ options }: CompletedCommand): string[] =>
  options.flatMap((option) => {
    const others = option.isRepeated || option.flags.length < 2 ? '' : `(${option.flags.join(' ')})`;
    return option.flags.map((flag) => quoted(others + optionSpec(flag, option)));
  });

function optionSpec(flag: string, { help, value, isOptional, isRepeated }: CompletedOption): string {
  const text = `${isRepeated ? '*' : ''}${flag}`;
  const about = `[${help.replace(/[\\[\]:]/g, '\\$&')}]`;
  if (!value) return `${text}${about}`;
  return isOptional ? `${text}=-${about}::value:${action(value)}` : `${text}=${about}:value:${action(value)}`;
}

/** The space in front keeps _arguments from adding arguments of its own. */
const action = ({ words, files, isList }: Value): string =>
  [' _flatmin_value', files, isList ? 'yes' : 'no', ...words.map((word) => word.replace(/:/g, '\\:'))].join(
    ' ',
  );

const quoted = (text: string): string => `'${text.replace(/'/g, `'\\''`)}'`;
