import type { Command } from 'commander';
import { diagnose } from '../../provision/doctor.js';
import { doctorReport } from '../doctor-report.js';
import { deviceOption } from '../execution-options.js';
import { option } from '../option-values.js';
import { printResult } from '../streams.js';

export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description(
      'What training can run on here: runtimes, kernels, CUDA libraries, driver; what is missing, and the command that mends it. Exit code 0: the device works, 1: not.',
    )
    .addOption(deviceOption())
    .addOption(option('Result', '--json', 'print the findings as one JSON line'));
  command.action(async () => {
    const { device, json } = command.opts();
    const diagnosis = await diagnose(device);
    const version = program.version() ?? '';
    printResult({ flatmin: version, ...diagnosis }, json, () => doctorReport(diagnosis, version));
    if (!diagnosis.works) process.exitCode = 1;
  });
}
