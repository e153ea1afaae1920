import { type CompletedCommand, flattened } from './tree.js';
import { type Value, wordsOf } from './values.js';

/** For bash 3.2 (that of macOS) and later; it needs no bash-completion. */
export function bashScript(program: CompletedCommand): string {
  const all = flattened(program);
  const paths = all.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  return `# Tab completion of ${program.name} in bash.

# Sets what may follow a command: flags, and the words and files in their place.
_flatmin_at() {
  case $1 in
${all.map((command) => `  '${command.path}') ${assigned(ofCommand(command))}; flags='${flagsOf(command).join(' ')}' ;;`).join('\n')}
  esac
}

# Sets words, files and lists for the value of an option; fails for one that takes none.
_flatmin_value() {
  case "$1" in
${all.map((command) => `  '${command.path}') case $2 in\n${valueCases(command)}    *) return 1 ;;\n    esac ;;`).join('\n')}
  *) return 1 ;;
  esac
}

_flatmin() {
  local line=\${COMP_LINE:0:COMP_POINT} typed=() path='' cur='' previous='' word i last
  local flags='' words='' files=none list=no head='' broken=''
  read -ra typed <<< "$line"
  case $line in *[[:space:]]) typed+=('') ;; esac
  last=$((\${#typed[@]} - 1))
  cur=\${typed[last]}
  previous=\${typed[last - 1]}

  for ((i = 1; i < last; i++)); do
    word="\${path:+$path }\${typed[i]}"
    case $word in ${paths.join('|')}) path=$word ;; *) break ;; esac
  done
  _flatmin_at "$path"

  case $cur in
  --*=*)
    head=\${cur%%=*}=
    _flatmin_value "$path" "\${cur%%=*}" && cur=\${cur#*=} || return 0
    ;;
  *)
    if ! _flatmin_value "$path" "$previous"; then
      case $cur in -*) words=$flags files=none list=no ;; esac
    fi
    ;;
  esac

  # Before the part that is completed: others of a list, or a data set whose folder it is.
  if [ $list = yes ]; then
    case $cur in *,*) head=$head\${cur%,*}, cur=\${cur##*,} ;; esac
  fi
  case " $words" in *" \${cur%%:*}: "*|*" \${cur%%:*}:")
    case $cur in *:*) head=$head\${cur%%:*}: cur=\${cur#*:} words='' files=folders ;; esac ;;
  esac

  # What bash takes for the word: the part behind the last '=' or ':', where these break words.
  case $COMP_WORDBREAKS in *=*) case $head in *=*) broken=\${head%=*}= ;; esac ;; esac
  case $COMP_WORDBREAKS in *:*) case $head in *:*) broken=\${head%:*}: ;; esac ;; esac
  head=\${head#"$broken"}

  local IFS=$' \\t\\n'
  COMPREPLY=($(compgen -P "$head" -W "$words" -- "$cur"))
  case \${COMPREPLY[0]-} in *:) compopt -o nospace 2>/dev/null ;; esac
  local flag=''
  case $files in files) flag=-f ;; folders) flag=-d ;; esac
  if [ -n "$flag" ]; then
    compopt -o filenames 2>/dev/null
    IFS=$'\\n'
    COMPREPLY+=($(compgen "$flag" -P "$head" -- "$cur"))
  fi
  return 0
}

complete -F _flatmin ${program.name}
`;
}

/** Where a word is expected that is no option. */
const ofCommand = ({ commands, argument }: CompletedCommand): Value =>
  commands.length > 0 ? wordsOf(commands.map(({ name }) => name)) : (argument ?? wordsOf([]));

const assigned = ({ words, files, isList }: Value): string =>
  `words='${words.join(' ')}' files=${files} list=${isList ? 'yes' : 'no'}`;

const flagsOf = ({ options }: CompletedCommand): string[] =>
  options.flatMap(({ flags }) => flags.filter((flag) => flag.startsWith('--')));

/** One line for all options of a value. An optional value is not waited for behind a space. */
function valueCases({ options }: CompletedCommand): string {
  const byValue = new Map<string, string[]>();
  for (const { flags, value, isOptional } of options) {
    if (!value || isOptional) continue;
    const key = assigned(value);
    byValue.set(key, [...(byValue.get(key) ?? []), ...flags]);
  }
  return [...byValue].map(([value, flags]) => `    ${flags.join('|')}) ${value} ;;\n`).join('');
}
