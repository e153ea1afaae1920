/** The process that measures for another: does the one task that it is sent, says what came of it, and ends. */
import { FlatminError } from '../../errors.js';
import { timeForms } from '../kernels/time-forms.js';
import { measureMemory } from '../memory/measure.js';
import { measureModel } from '../models/measure.js';
import { measurePeaks } from '../models/peaks.js';
import { countSteps } from '../models/step-cost.js';
import { benchStep } from '../step.js';
import type { ChildMessage, ChildRequest } from './messages.js';

type Task = (args: readonly never[], progress: (value: unknown) => void) => Promise<unknown>;

const TASKS: Readonly<Record<string, Task>> = {
  step: (args) => benchStep(args[0]!, args[1]),
  memory: (args) => measureMemory(args[0]!, args[1]),
  forms: (args, progress) => timeForms(args[0]!, progress),
  model: (args) => measureModel(args[0]!),
  'model-cost': (args) => countSteps(args[0]!),
  peaks: (args) => measurePeaks(args[0]!),
};

const send = (message: ChildMessage): Promise<void> =>
  new Promise((resolve) => {
    process.send!(message, undefined, undefined, () => resolve());
  });

process.once('message', async ({ task, args }: ChildRequest) => {
  try {
    const progress = (value: unknown) => void send({ kind: 'progress', value });
    await send({ kind: 'result', value: await TASKS[task]!(args as never[], progress) });
  } catch (error) {
    const code = error instanceof FlatminError ? error.code : undefined;
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    await send({ kind: 'error', code, name, message, stack });
  }
  process.disconnect();
});
// A signal may reach the whole group: the parent decides, and where it dies, this ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit());
