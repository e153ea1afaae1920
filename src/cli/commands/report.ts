import { join } from 'node:path';
import type { Command } from 'commander';
import { writeFileAtomic } from '../../formats/atomic.js';
import { option } from '../../options/option.js';
import { flag, text } from '../../options/values.js';
import { packageVersion } from '../../package-file.js';
import { makeReport } from '../../report/report.js';
import { serveReport, watchOptions } from '../../report/watch.js';
import { addOptions, given } from '../command-options.js';
import { addExamples } from '../examples.js';
import { anySignal } from '../interruption.js';
import { say } from '../streams.js';

const OPTIONS = {
  Report: {
    out: option(text, { symbol: 'file', help: 'the page', byDefault: 'report.html in the folder' }),
    watch: option(flag, { help: 'serve the page on 127.0.0.1 instead, and keep it up to date' }),
    ...watchOptions,
  },
};

export function addReport(program: Command): void {
  const command = program
    .command('report')
    .description(
      'Make one HTML page of a run, a comparison, an experiment or measurements; it works offline.',
    )
    .argument('<folder>', 'of flatmin train, with or without --compare, flatmin experiment or flatmin bench');
  addOptions(command, OPTIONS);
  addExamples(command, 'flatmin report runs/first', 'flatmin report runs/first --watch');
  command.action(async (folder: string) => {
    const { out = join(folder, 'report.html'), watch, port } = given(command, OPTIONS);
    const version = packageVersion();
    if (watch) return serve(folder, version, port);
    await writeFileAtomic(out, await makeReport(folder, { version }));
    say(out);
  });
}

/** Until a signal ends it. */
async function serve(folder: string, version: string, port: number | undefined): Promise<void> {
  const server = await serveReport(folder, { version, port });
  say(`The report of ${folder} is at ${server.url} (Ctrl-C ends it).`);
  await anySignal();
  await server.close();
}
