import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { bashScript } from '../../../src/cli/completion/bash.js';
import { fishScript } from '../../../src/cli/completion/fish.js';
import { completed, flattened } from '../../../src/cli/completion/tree.js';
import { KNOWN } from '../../../src/cli/completion/values.js';
import { zshScript } from '../../../src/cli/completion/zsh.js';
import { makeProgram } from '../../../src/cli/main.js';
import { OPTIMIZER_NAMES } from '../../../src/settings/schema.js';

const program = makeProgram();
const tree = completed(program);
const scripts = { bash: bashScript(tree), zsh: zshScript(tree), fish: fishScript(tree) };

const folder = mkdtempSync(join(tmpdir(), 'flatmin-completion-'));
for (const name of ['sub', 'a folder']) mkdirSync(join(folder, name));
for (const name of ['model.onnx', 'my model.onnx', 'notes.txt']) writeFileSync(join(folder, name), '');
for (const [shell, script] of Object.entries(scripts))
  writeFileSync(join(folder, `completion.${shell}`), script);
writeFileSync(join(folder, 'flatmin'), '#!/bin/sh\n', { mode: 0o755 });
test.after.always(() => rmSync(folder, { recursive: true }));

const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
const has = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

/** What bash offers behind a line; the function is called as bash calls it. */
function inBash(line: string, breaks = '=:'): string[] {
  const call = `source ./completion.bash; COMP_WORDBREAKS=$2 COMP_LINE=$1 COMP_POINT=\${#1}; _flatmin 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const out = execFileSync('bash', ['--norc', '-c', call, 'bash', line, breaks], {
    cwd: folder,
    encoding: 'utf8',
  });
  return out
    .split('\n')
    .filter((each) => each !== '')
    .sort();
}

const cases: Readonly<Record<string, readonly string[]>> = {
  'flatmin tr': ['train'],
  'flatmin bench st': ['step'],
  'flatmin help tra': ['train'],
  'flatmin --v': ['--version'],
  'flatmin train --optim': ['--optimizer'],
  'flatmin bench step --prof': ['--profile'],
  'flatmin train --optimizer s': ['sam', 'sgd'],
  'flatmin train --optimizer=rand': ['rand-sam'],
  'flatmin train --lr 0.1 --recipe ': ['foret2021'],
  'flatmin train --compare sgd,gs': ['sgd,gsam'],
  'flatmin train --data ci': ['cifar100:', 'cifar10:'],
  'flatmin train --out ': ['a folder', 'sub'],
  'flatmin inspect m': ['model.onnx', 'my model.onnx'],
  'flatmin train --lr ': [],
  'flatmin train --adaptive --nest': ['--nesterov'],
  'flatmin experiment table2-': ['table2-cifar100'],
  'flatmin completion ': ['bash', 'fish', 'zsh'],
};

/** An interactive zsh, which writes what it would offer at a Tab into a file. */
const ZSH_INNER = `PS1=; unsetopt beep; fpath=($PWD $fpath)
autoload -Uz compinit && compinit -u -D
compadd() {
  if [[ \${@[1,(i)(-|--)]} == *-[OAD]\\ * ]]; then builtin compadd "$@"; return; fi
  local -a hits
  builtin compadd -A hits "$@"
  print -rl -- $IPREFIX\${^hits} >> hits
  builtin compadd "$@"
}
finish() { touch hits; mv hits offered; BUFFER= }
zle -N finish
bindkey '^I' complete-word '^X' finish
`;
/** Types lines into it, each with a Tab, and prints what it offered, each with a zero behind. */
const ZSH_OUTER = `zmodload zsh/zpty && zpty shell zsh -f -i && zpty -w shell 'source ./inner.zsh'
for line in "$@"; do
  zpty -w -n shell "$line"$'\\t\\x18'
  until [[ -e offered ]]; do zpty -r -t shell; sleep 0.02; done > terminal
  print -rn -- "$(<offered)"$'\\0'
  rm offered
done
zpty -d shell
`;

(has('bash') ? test : test.skip)(
  'bash completes commands, options, choices, lists, files and folders',
  (t) => {
    for (const [line, offered] of Object.entries(cases)) t.deepEqual(inBash(line), offered, line);
    t.deepEqual(inBash('flatmin train --optimizer '), [...OPTIMIZER_NAMES].sort());
    const commands = ['help', ...program.commands.map((each) => each.name())];
    t.deepEqual(inBash('flatmin '), commands.sort());
  },
);

(has('bash') ? test : test.skip)(
  'bash is given what stands behind the characters that break its words',
  (t) => {
    t.deepEqual(inBash('flatmin train --data cifar10:s'), ['sub']);
    t.deepEqual(inBash('flatmin train --data=cifar10:s'), ['sub']);
    t.deepEqual(inBash('flatmin train --data cifar10:s', ''), ['cifar10:sub']);
    t.deepEqual(inBash('flatmin train --optimizer=rand', ''), ['--optimizer=rand-sam']);
  },
);

(has('fish') ? test : test.skip)('fish completes the same', (t) => {
  const call = 'source ./completion.fish; complete --do-complete $argv[1]';
  for (const [line, offered] of Object.entries(cases)) {
    const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', call, line], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    t.is(stderr, '', line);
    const [, head = ''] = /(--\w+=)\S*$/.exec(line) ?? [];
    const found = stdout
      .split('\n')
      .filter((each) => each !== '')
      .map((each) => each.split('\t')[0]!.replace(/\/$/, ''));
    t.deepEqual(
      found.sort(),
      offered.map((each) => head + each),
      line,
    );
  }
});

(has('zsh') ? test : test.skip)('zsh completes the same, from a folder of its fpath', (t) => {
  writeFileSync(join(folder, '_flatmin'), scripts.zsh);
  writeFileSync(join(folder, 'inner.zsh'), ZSH_INNER);
  writeFileSync(join(folder, 'outer.zsh'), ZSH_OUTER);
  const { status, stdout, stderr } = spawnSync('zsh', ['-f', './outer.zsh', ...Object.keys(cases)], {
    cwd: folder,
    env,
    encoding: 'utf8',
    timeout: 120_000,
  });
  t.is(status, 0, stderr);
  const answers = stdout.split('\0').slice(0, -1);
  t.is(answers.length, Object.keys(cases).length);
  for (const [at, [line, offered]] of Object.entries(cases).entries()) {
    const found = answers[at]!.split('\n').map((each) => each.replace(/^--\w+=/, '').replaceAll('\\', ''));
    t.deepEqual([...new Set(found.filter((each) => each !== ''))].sort(), offered, line);
  }
});

test('every shell has every command and option', (t) => {
  for (const { path, name, options } of flattened(tree)) {
    for (const [shell, script] of Object.entries(scripts)) {
      t.true(script.includes(path === '' ? name : path.split(' ').at(-1)!), `${path} in ${shell}`);
      for (const { flags } of options)
        for (const flag of flags.filter((each) => each.startsWith('--')))
          t.true(
            script.includes(shell === 'fish' ? `-l ${flag.slice(2)}` : flag),
            `${flag} of ${path} in ${shell}`,
          );
    }
  }
});

test('what is known beside commander is of options and arguments that are there', (t) => {
  const all = [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)];
  const keys = new Set(
    all.flatMap(({ options, registeredArguments }) => [
      ...options.map(({ flags }) => flags),
      ...registeredArguments.map((each) => each.name()),
    ]),
  );
  t.deepEqual(
    Object.keys(KNOWN).filter((key) => !keys.has(key)),
    [],
  );
});
