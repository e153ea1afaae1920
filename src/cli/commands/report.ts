import { join } from 'node:path';
import type { Command } from 'commander';
import { writeFileAtomic } from '../../formats/atomic.js';
import { makeReport } from '../../report/report.js';
import { serveReport } from '../../report/watch.js';
import { anySignal } from '../interruption.js';
import { option, toNumber } from '../option-values.js';
import { say } from '../streams.js';

export function addReport(program: Command): void {
  const command = program
    .command('report')
    .description(
      'Make one HTML page of a run, a comparison, an experiment or measurements; it works offline.',
    )
    .argument('<folder>', 'of flatmin train, with or without --compare, flatmin experiment or flatmin bench')
    .addOption(option('Report', '--out <file>', 'the page', { byDefault: 'report.html in the folder' }))
    .addOption(option('Report', '--watch', 'serve the page on 127.0.0.1 instead, and keep it up to date'))
    .addOption(option('Report', '--port <n>', 'of --watch; 0 for any', { parse: toNumber, byDefault: 0 }));
  command.action(async (folder: string) => {
    const { out = join(folder, 'report.html'), watch, port } = command.opts();
    const version = program.version()!;
    if (watch) return serve(folder, version, port);
    await writeFileAtomic(out, await makeReport(folder, { version }));
    say(out);
  });
}

/** Until a signal ends it. */
async function serve(folder: string, version: string, port: number | undefined): Promise<void> {
  const server = await serveReport(folder, { version, ...(port !== undefined && { port }) });
  say(`The report of ${folder} is at ${server.url} (Ctrl-C ends it).`);
  await anySignal();
  await server.close();
}
