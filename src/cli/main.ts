import { Command, CommanderError } from 'commander';
import { type ErrorCode, FlatminError } from '../errors.js';
import { packageVersion } from '../package-file.js';
import { addBench } from './commands/bench.js';
import { addData } from './commands/data.js';
import { addDoctor } from './commands/doctor.js';
import { addExperiment } from './commands/experiment.js';
import { addExport } from './commands/export.js';
import { addGrad } from './commands/grad.js';
import { addInspect } from './commands/inspect.js';
import { addLandscape } from './commands/landscape.js';
import { addReport } from './commands/report.js';
import { addRuntime } from './commands/runtime.js';
import { addSharpness } from './commands/sharpness.js';
import { addTrain } from './commands/train.js';
import { addVerify } from './commands/verify.js';
import { INTERRUPTED_EXIT } from './interruption.js';

const FAILURE_EXIT = 1;
const USAGE_EXIT = 2;
/** A loss, a gradient or a weight was NaN or infinite. */
const NOT_FINITE_EXIT = 3;

const EXITS: Partial<Record<ErrorCode, number>> = {
  INTERRUPTED: INTERRUPTED_EXIT,
  NOT_FINITE: NOT_FINITE_EXIT,
};

/** In the order of the help. */
const COMMANDS: readonly (readonly [group: string, commands: readonly ((program: Command) => void)[]])[] = [
  ['Train', [addTrain, addExperiment, addData]],
  ['Look at what was trained', [addSharpness, addLandscape, addReport, addVerify]],
  ['Models', [addInspect, addGrad, addExport]],
  ['This machine', [addRuntime, addDoctor, addBench]],
];

/**
 * Runs the command line, and sets the exit code: 0 done, 1 failed, 2 wrong usage, 3 a loss, gradient or weight that is not finite, 130 interrupted.
 * With FLATMIN_DEBUG=1 failures show their stack.
 */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    await makeProgram().parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error);
  }
}

function makeProgram(): Command {
  const program = new Command('flatmin')
    .description('Train ONNX models and find flat minima: SGD, SAM, N-step SAM and Rand-SAM.')
    .version(packageVersion())
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`flatmin: ${oneLine(text)}\n`) })
    .configureHelp({ helpWidth: 110 });
  for (const [group, commands] of COMMANDS) {
    program.commandsGroup(`${group}:`);
    for (const add of commands) add(program);
  }
  return program;
}

/** Says what failed; returns the exit code. */
function report(error: unknown): number {
  // Commander has said it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_EXIT;
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const expected = error instanceof FlatminError || isSystemError(error);
  const showStack = process.env.FLATMIN_DEBUG === '1' || !expected;
  process.stderr.write(`flatmin: ${showStack ? (stack ?? message) : message}\n`);
  if (!(error instanceof FlatminError)) return FAILURE_EXIT;
  return EXITS[error.code] ?? FAILURE_EXIT;
}

/** No space, no permission and the like: "EACCES: permission denied, mkdir '/x'" says enough. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

function oneLine(text: string): string {
  return text
    .replace(/^error: /, '')
    .trim()
    .replace(/\s*\n\s*/g, ' ');
}
