import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { singleGroup } from '../../../src/group/communicator.js';
import { KeptCheckpoints } from '../../../src/run/checkpoint/kept.js';
import { initialState, type RunState } from '../../../src/run/checkpoint/state.js';
import type { RunFolder } from '../../../src/run/folder/run-folder.js';
import { Checkpoints } from '../../../src/run/listeners/checkpoints.js';
import { prepare, type Setup } from '../../../src/run/setup.js';
import { Trainer } from '../../../src/run/trainer.js';
import { TrainingSession } from '../../../src/session/session.js';
import { resolveSettings } from '../../../src/settings/resolve.js';
import { abortedAfter } from '../../aborted-after.js';
import { temporaryFolder } from '../../e2e/run-cli.js';
import { LateDevice } from './late-device.js';

const STEPS = 6;
const settings = resolveSettings({
  model: 'wrn-10-1',
  data: 'digits',
  batch: 16,
  trainSamples: 16 * STEPS,
  testSamples: 32,
  epochs: 1,
  optimizer: 'adamw',
  precision: 'fp16',
});

/** A run on a device whose numbers come late: its first step overflows. */
async function open(t: ExecutionContext): Promise<Setup> {
  const device = new LateDevice(1);
  const prepared = await prepare(settings, { workers: 0 });
  const { loss, model, groups } = prepared;
  const { batch, seed, precision } = settings;
  const session = await TrainingSession.create(model, { loss, batch, groups, seed, precision, device });
  const scaler = session.lossScaler!;
  scaler.restore({ ...scaler.state(), scales: [2 ** 40, 2 ** 10] });
  t.teardown(() => session.dispose());
  return { ...prepared, session, device, group: singleGroup } as unknown as Setup;
}

const mark = { bytes: 0, digest: '00000000' };

/** The checkpoints of a run in a folder of its own; `saved` are the steps at which they are written. */
function checkpointsIn(dir: string, { session, optimizer }: Setup) {
  const saved: number[] = [];
  const folder = {
    dir,
    path: (name: string) => join(dir, name),
    run: { id: 'a', checkpointed: false },
    async markCheckpointed() {
      saved.push(session.steps);
    },
    assertHeld() {},
  } as unknown as RunFolder;
  return { saved, kept: new KeptCheckpoints(folder, session, optimizer, settings.seed) };
}

/** Trains to the end or to the signal. @returns the steps at which checkpoints are written */
async function run(
  t: ExecutionContext,
  setup: Setup,
  state: RunState,
  dir: string,
  { checkpointEvery, signal }: { checkpointEvery?: number; signal?: AbortSignal } = {},
) {
  const { saved, kept } = checkpointsIn(dir, setup);
  const log = { flush: async () => mark };
  const checkpoints = new Checkpoints(setup, state, log, kept, { checkpointEvery });
  const stopped = await new Trainer(setup, state, [checkpoints], signal).run().catch((error) => {
    t.is(error.code, 'INTERRUPTED');
  });
  t.is(stopped, undefined);
  return saved;
}

test('checkpoints within an epoch are at the steps asked for, with all steps before them done', async (t) => {
  const setup = await open(t);
  const state = initialState();
  const saved = await run(t, setup, state, temporaryFolder(t), { checkpointEvery: 2 });
  t.deepEqual(saved, [2, 4, STEPS]);
  t.is(state.skipped, 1);
  t.is(setup.session.steps, STEPS);
});

test('a run that is stopped while steps are on their way goes on as if it had not been', async (t) => {
  const whole = await open(t);
  await run(t, whole, initialState(), temporaryFolder(t));
  const expected = whole.session.weightNames.map((name) => whole.session.weight(name));
  for (const looks of [2, 3, 4, 7]) {
    const dir = temporaryFolder(t);
    const first = await open(t);
    const [stop] = await run(t, first, initialState(), dir, { signal: abortedAfter(looks) });
    t.is(stop, first.session.steps, 'what was on its way is in the checkpoint');
    const second = await open(t);
    const { state } = (await checkpointsIn(dir, second).kept.restore(t.fail))!;
    await run(t, second, state, dir);
    t.is(state.skipped, 1);
    const found = second.session.weightNames.map((name) => second.session.weight(name));
    t.deepEqual(found, expected, `stopped after ${stop} steps`);
  }
});
