import type { Command } from 'commander';
import { FlatminError } from '../../errors.js';
import { changed } from '../../options/option.js';
import type { Finding } from '../../run/verify/finding.js';
import { verify } from '../../run/verify/verify.js';
import { addOptions, given } from '../command-options.js';
import { jsonFlag } from '../output-options.js';
import { print, printJson } from '../streams.js';

const OPTIONS = {
  Verify: { json: changed(jsonFlag, { help: 'print what was found as one JSON line on stdout' }) },
};

export function addVerify(program: Command): void {
  const command = program
    .command('verify')
    .description('Check every file of a run, a comparison or an experiment for damage; changes nothing.')
    .argument('<folder>', 'of flatmin train or flatmin experiment, finished or not');
  addOptions(command, OPTIONS);
  command.action(async (folder: string) => {
    const { json } = given(command, OPTIONS);
    const findings: Finding[] = [];
    for await (const finding of verify(folder)) {
      findings.push(finding);
      if (!json) print(lineOf(finding));
    }
    if (json) printJson({ files: findings });
    const damaged = findings.filter(({ state }) => state === 'damaged').length;
    if (damaged > 0)
      throw new FlatminError(
        'INVALID_DATA',
        `${damaged} of ${findings.length} files of ${folder} are damaged.`,
      );
  });
}

const lineOf = ({ path, state, message }: Finding): string =>
  [state.padEnd(9), path, ...(message ? [`— ${message}`] : [])].join(' ');
