import { Command, CommanderError } from 'commander';
import { FlatminError } from '../errors.js';
import { printable } from '../formats/printable.js';
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
import { Stopped } from './interruption.js';
import { guardStreams, say } from './streams.js';

/** What JavaScript says of sizes that nobody checked. */
const TOO_LARGE = /^(Invalid (typed )?array length|Array buffer allocation failed|Invalid string length)/;
const FAILURE_EXIT = 1;
const USAGE_EXIT = 2;
/** A loss, a gradient or a weight was NaN or infinite. */
const NOT_FINITE_EXIT = 3;

/** In the order of the help. */
const COMMANDS: readonly (readonly [group: string, commands: readonly ((program: Command) => void)[]])[] = [
  ['Train', [addTrain, addExperiment, addData]],
  ['Look at what was trained', [addSharpness, addLandscape, addReport, addVerify]],
  ['Models', [addInspect, addGrad, addExport]],
  ['This machine', [addRuntime, addDoctor, addBench]],
];

/**
 * Runs the command line, and sets the exit code: 0 done, 1 failed, 2 wrong usage, 3 a loss, gradient or weight that is not finite, 75 before
 * a time limit, 128 + the number of a signal that ended it well (docs/reliability.md).
 * With FLATMIN_DEBUG=1 failures show their stack.
 */
export async function main(argv: readonly string[]): Promise<void> {
  guardStreams();
  // What nobody waited for: the state is unknown.
  process.on('uncaughtException', (error) => process.exit(report(error)));
  try {
    await makeProgram().parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** The command line, with all its commands. */
export function makeProgram(): Command {
  const program = new Command('flatmin')
    .description('Train ONNX models and find flat minima: SGD, SAM, N-step SAM and Rand-SAM.')
    .version(packageVersion())
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`flatmin: ${printable(oneLine(text))}\n`) })
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
  say(`flatmin: ${textOf(error)}`);
  if (error instanceof Stopped) return error.exitCode;
  return error instanceof FlatminError && error.code === 'NOT_FINITE' ? NOT_FINITE_EXIT : FAILURE_EXIT;
}

function textOf(error: unknown): string {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  if (process.env.FLATMIN_DEBUG === '1') return stack ?? message;
  if (error instanceof FlatminError || isSystemError(error)) return message;
  if (error instanceof RangeError && TOO_LARGE.test(message))
    return `That is more than can be held in memory (${message}): choose smaller sizes.`;
  return `${oneLine(`${name}: ${message}`)} (This is a fault of flatmin. Please report it with the command and what it was given; FLATMIN_DEBUG=1 adds where it happened.)`;
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
