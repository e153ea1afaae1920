import test from 'ava';
import { Command } from 'commander';
import { z } from 'zod';
import { addOptions, given, required } from '../../../src/cli/command-options.js';
import { addTo, toShape } from '../../../src/cli/option-values.js';
import { readBy } from '../../../src/cli/schema-option.js';
import { option } from '../../../src/options/option.js';
import { choice, count, countOrAll, flag, imageShape, text } from '../../../src/options/values.js';

const OPTIONS = {
  Data: {
    samples: option(countOrAll, { symbol: 'n', help: 'of them', default: 'all' }),
    inputShape: readBy(option(imageShape, { symbol: 'shape', help: 'of each' }), toShape),
    only: readBy(option(z.array(text), { symbol: 'name', help: 'may be repeated' }), addTo),
  },
  Run: {
    kind: option(choice(['plain', 'fancy']), { symbol: 'kind', help: 'of run', default: 'plain' }),
    steps: option(count.optional(), { symbol: 'n', help: 'of the run' }),
    quiet: option(flag, { help: 'says nothing', default: false }),
  },
};

function parsed(...args: string[]): Command {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addOptions(command, OPTIONS);
  return command.parse(args, { from: 'user' });
}

test('what is given is read by the schema of each option, without defaults', (t) => {
  const all = '--samples 12 --input-shape 3x8x8 --only a --only b --kind fancy --steps 4 --quiet';
  t.deepEqual(given(parsed(...all.split(' ')), OPTIONS), {
    samples: 12,
    inputShape: [3, 8, 8],
    only: ['a', 'b'],
    kind: 'fancy',
    steps: 4,
    quiet: true,
  });
  t.deepEqual(given(parsed('--samples', 'all'), OPTIONS), { samples: 'all' });
  t.deepEqual(given(parsed(), OPTIONS), {});
});

test('a value out of range is refused by name', (t) => {
  for (const [args, message] of [
    [['--samples', '0'], /^Expected samples to be a positive integer or 'all', but received 0/],
    [
      ['--input-shape', '3x0x8'],
      /^Expected inputShape to be three positive integers: .*, but received \[3, 0, 8\]/,
    ],
    [['--steps', '1.5'], /^Expected steps to be a positive integer, but received 1\.5/],
  ] as const)
    t.throws(() => given(parsed(...args), OPTIONS), { code: 'INVALID_ARGUMENT', message });
});

test('an option has the type that its schema says, and a misspelt one is an error of the compiler', (t) => {
  const values = given(parsed('--steps', '4'), OPTIONS);
  const steps: number | undefined = values.steps;
  const kind: 'plain' | 'fancy' | undefined = values.kind;
  const samples: number | 'all' | undefined = values.samples;
  // @ts-expect-error: there is no such option
  const misspelt = values.step;
  // @ts-expect-error: it is a number
  const text: string | undefined = values.steps;
  t.deepEqual([steps, kind, samples, misspelt, text], [4, undefined, undefined, undefined, 4 as never]);
});

test('an option that is required is named by its flag where it is missing', (t) => {
  const present = parsed('--steps', '4');
  const { steps } = required(present, given(present, OPTIONS), 'steps');
  t.is(steps + 1, 5);
  const missing = parsed('--quiet');
  t.throws(() => required(missing, given(missing, OPTIONS), 'inputShape'), {
    message: "error: required option '--input-shape <shape>' not specified",
  });
});
