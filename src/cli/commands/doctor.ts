import type { Command } from 'commander';
import { changed, option } from '../../options/option.js';
import { flag } from '../../options/values.js';
import { packageVersion } from '../../package-file.js';
import { diagnose } from '../../provision/doctor.js';
import { addOptions, given } from '../command-options.js';
import { doctorReport } from '../doctor-report.js';
import { executionFlags } from '../execution-options.js';
import { jsonFlag } from '../output-options.js';
import { printResult } from '../streams.js';
import { goesOwnWay } from '../told-once.js';

const OPTIONS = {
  Execution: {
    device: executionFlags.device,
    mpi: option(flag.optional(), { help: 'look for MPI too: training over several processes' }),
  },
  Result: { json: changed(jsonFlag, { help: 'print the findings as one JSON line' }) },
};

export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description(
      'What training can run on here: runtimes, kernels, CUDA libraries, driver; what is missing, and the command that mends it. Exit code 0: the device works, 1: not.',
    );
  command.summary('What training can run on here, and the command that mends what is missing.');
  addOptions(command, OPTIONS);
  command.action(async () => {
    const { device, mpi, json } = given(command, OPTIONS);
    goesOwnWay();
    const diagnosis = await diagnose(device, { mpi });
    const version = packageVersion();
    printResult({ flatmin: version, ...diagnosis }, json, () => doctorReport(diagnosis, version));
    if (!diagnosis.works) process.exitCode = 1;
  });
}
