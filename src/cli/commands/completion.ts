import { Argument, type Command } from 'commander';
import { bashScript } from '../completion/bash.js';
import { fishScript } from '../completion/fish.js';
import { completed } from '../completion/tree.js';
import { zshScript } from '../completion/zsh.js';
import { addExamples } from '../examples.js';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };
type Shell = keyof typeof SCRIPTS;

export function addCompletion(program: Command): void {
  const command = program
    .command('completion')
    .description(
      'Print the script by which a shell completes commands, options, choices and file names on Tab. Write it anew after an update.',
    )
    .summary('Print the script of tab completion for a shell.')
    .addArgument(new Argument('<shell>', 'which').choices(Object.keys(SCRIPTS)));
  addExamples(
    command,
    'flatmin completion bash > ~/.local/share/bash-completion/completions/flatmin',
    'flatmin completion zsh > ~/.zfunc/_flatmin    # a folder of your fpath',
    'flatmin completion fish > ~/.config/fish/completions/flatmin.fish',
  );
  command.action((shell: Shell) => void process.stdout.write(SCRIPTS[shell](completed(program))));
}
