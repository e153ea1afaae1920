import { availableParallelism } from 'node:os';
import { invalid } from '../errors.js';
import { type Communicator, singleGroup } from '../group/communicator.js';
import { fromFirst, sumOfNumber } from '../group/tell.js';
import type { Optimizer } from '../optim/optimizer.js';
import { assertRanksOnCpus } from '../session/ranks-on-cpus.js';
import type { TrainingSession } from '../session/session.js';
import type { TrainSettings } from '../settings/schema.js';
import type { RunState } from './checkpoint/state.js';
import { type Execution, type OpenedExecution, openExecution } from './execution.js';

/** The ranks of a run. */
export const groupOf = ({ group }: Pick<Execution, 'group'>): Communicator => group ?? singleGroup;

/**
 * Settings of a run over ranks are those of the one process that it equals: `accumulate` counts the micro-batches of all. What was given is
 * of one rank.
 */
export function overRanks(
  given: Partial<TrainSettings>,
  { size }: Communicator,
  isResumed: boolean,
): Partial<TrainSettings> {
  const { accumulate } = given;
  if (size === 1 || (isResumed && accumulate === undefined)) return given;
  return { ...given, accumulate: (accumulate ?? 1) * size };
}

/** @throws FlatminError INVALID_ARGUMENT where the ranks cannot share the steps of a run */
export function assertShared({ accumulate = 1, onNan }: TrainSettings, { size }: Communicator): void {
  if (size === 1) return;
  if (accumulate % size > 0)
    throw invalid(
      'the number of ranks',
      `a divisor of ${accumulate}, the micro-batches of a step of this run`,
      size,
    );
  if (onNan === 'restore') throw invalid('onNan', "'stop' or 'skip' on several ranks", onNan);
}

/** Threads of each rank: the processors of its machine, shared. The same on all, so that sums are rounded alike. */
export async function threadsOf(group: Communicator, asked: number | undefined): Promise<number | undefined> {
  if (group.size === 1 || asked !== undefined) return asked;
  const machines = await sumOfNumber(group, Number(group.localRank === 0));
  const onOne = Math.ceil(group.size / machines);
  return fromFirst(group, () => Math.max(1, Math.floor(availableParallelism() / onOne)));
}

/**
 * As openExecution, of ranks that share the work.
 * @throws FlatminError INVALID_ARGUMENT too for several ranks on a device with memory of its own
 */
export async function openShared(
  execution: Pick<Execution, 'device' | 'threads' | 'memory' | 'runtime' | 'cudaGraphs' | 'group'>,
): Promise<OpenedExecution> {
  const group = groupOf(execution);
  const opened = openExecution({ ...execution, threads: await threadsOf(group, execution.threads) });
  assertRanksOnCpus(group, opened.device);
  return opened;
}

/** All ranks go on from what rank 0 has restored. */
export async function shareState(
  group: Communicator,
  state: RunState,
  { session, optimizer }: { session: TrainingSession; optimizer: Optimizer },
): Promise<RunState> {
  if (group.size === 1) return state;
  const first = await fromFirst(group, () => ({ state, session: session.state() }));
  if (group.rank > 0) session.restore(first.session);
  await session.equalise();
  for (const vector of Object.values(optimizer.state(session.space))) await group.broadcast(vector);
  return first.state;
}
