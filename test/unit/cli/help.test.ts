import test from 'ava';
import type { Command } from 'commander';
import { examplesOf } from '../../../src/cli/examples.js';
import { makeProgram } from '../../../src/cli/main.js';

const flattened = (command: Command): Command[] => [command, ...command.commands.flatMap(flattened)];
const program = makeProgram();
const commands = flattened(program);

/** The command that the words of a line lead to, and the words that are left. */
function find(
  words: readonly string[],
  from: Command = program,
): { command: Command; rest: readonly string[] } {
  const [first, ...rest] = words;
  const next = from.commands.find((each) => each.name() === first);
  return next ? find(rest, next) : { command: from, rest: words };
}

for (const command of commands) {
  for (const line of examplesOf(command)) {
    test(`"${line}" is of its command, with options that it has`, (t) => {
      const [name, ...words] = line
        .replace(/ (>|#).*$/, '')
        .trim()
        .split(' ');
      t.is(name, 'flatmin');
      const { command: found, rest } = find(words);
      t.is(found, command);
      const parsed = command.parseOptions([...rest]);
      t.deepEqual(parsed.unknown, []);
      t.is(parsed.operands.length, command.registeredArguments.filter(({ required }) => required).length);
    });
  }
}

test('commands that a newcomer tries have examples', (t) => {
  const shown = commands.filter((each) => examplesOf(each).length > 0).map((each) => each.name());
  for (const name of ['train', 'data', 'inspect', 'report', 'sharpness', 'completion'])
    t.true(shown.includes(name), name);
});

test('help keeps to 80 columns where there is no terminal to tell', (t) => {
  for (const command of commands) {
    const lines = command.helpInformation().split('\n');
    t.deepEqual(
      lines.filter((line) => [...line].length > 80),
      [],
      command.name(),
    );
  }
});
