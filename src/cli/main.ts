import { Command, CommanderError } from 'commander';
import { FlatminError } from '../errors.js';
import { addBench } from './commands/bench.js';
import { addCompletion } from './commands/completion.js';
import { addData } from './commands/data.js';
import { addDemo } from './commands/demo.js';
import { addDoctor } from './commands/doctor.js';
import { addEvaluate } from './commands/evaluate.js';
import { addExperiment } from './commands/experiment.js';
import { addExport } from './commands/export.js';
import { addGrad } from './commands/grad.js';
import { addInit } from './commands/init.js';
import { addInspect } from './commands/inspect.js';
import { addLandscape } from './commands/landscape.js';
import { addPredict } from './commands/predict.js';
import { addReport } from './commands/report.js';
import { addRuntime } from './commands/runtime.js';
import { addSharpness } from './commands/sharpness.js';
import { addTrain } from './commands/train.js';
import { addVerify } from './commands/verify.js';
import { Stopped } from './interruption.js';
import { invocation } from './invocation.js';
import { refuseRanks } from './ranks.js';
import { guardStreams, print, say } from './streams.js';
import { toldBefore } from './told-once.js';
import { versionText } from './version-text.js';
import { welcome } from './welcome.js';

/** What JavaScript says of sizes that nobody checked. */
const TOO_LARGE = /^(Invalid (typed )?array length|Array buffer allocation failed|Invalid string length)/;
const FAILURE_EXIT = 1;
const USAGE_EXIT = 2;
/** A loss, a gradient or a weight was NaN or infinite. */
const NOT_FINITE_EXIT = 3;

/** Of argv: node and the script alone. */
const NO_ARGUMENTS = 2;
/** Columns of the help: the terminal's, but no lines that are hard to read. */
const helpWidth = (): number => Math.min(process.stdout.columns ?? 80, 110);

/** In the order of the help. */
const COMMANDS: readonly (readonly [group: string, commands: readonly ((program: Command) => void)[]])[] = [
  ['Begin', [addDemo, addInit, addCompletion]],
  ['Train', [addTrain, addExperiment, addData]],
  ['Look at what was trained', [addEvaluate, addPredict, addSharpness, addLandscape, addReport, addVerify]],
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
  process.on('uncaughtException', (error) => void report(error).then((code) => process.exit(code)));
  try {
    if (argv.length === NO_ARGUMENTS) print(welcome(invocation()));
    else await makeProgram().parseAsync(argv);
  } catch (error) {
    process.exitCode = await report(error);
  }
}

/** The command line, with all commands. */
export function makeProgram(): Command {
  const program = new Command('flatmin')
    .description('Train ONNX models and find flat minima: SGD, SAM, N-step SAM and Rand-SAM.')
    .option('-V, --version', 'versions of flatmin and of the ONNX Runtime it would take')
    .on('option:version', () => {
      print(versionText());
      throw new CommanderError(0, 'commander.version', '');
    })
    .exitOverride()
    .hook('preAction', (_, action) => refuseRanks(action))
    .configureOutput({
      // Said with all other failures.
      outputError: () => {},
      getOutHelpWidth: helpWidth,
      getErrHelpWidth: helpWidth,
    });
  for (const [group, commands] of COMMANDS) {
    program.commandsGroup(`${group}:`);
    for (const add of commands) add(program);
  }
  // Last, since commands of commands take it over from above.
  program.addHelpCommand(
    new Command('help')
      .argument('[command]')
      .description('What a command does and takes.')
      .helpGroup('Begin:'),
  );
  return program;
}

/** Says what failed, once for all ranks that fail alike; returns the exit code. */
async function report(error: unknown): Promise<number> {
  const code = exitCodeOf(error);
  // Commander has written the help.
  if (code === 0 || (error instanceof CommanderError && error.code === 'commander.help')) return code;
  const before = await toldBefore();
  if (before !== undefined) say(`flatmin: ${before}${textOf(error)}`);
  return code;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_EXIT;
  if (error instanceof Stopped) return error.exitCode;
  return error instanceof FlatminError && error.code === 'NOT_FINITE' ? NOT_FINITE_EXIT : FAILURE_EXIT;
}

function textOf(error: unknown): string {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof CommanderError) return oneLine(message);
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
