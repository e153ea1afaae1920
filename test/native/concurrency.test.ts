import test from 'ava';
import { isolated } from './isolated.js';

test.serial('the event loop stays free during a long run', async (t) => {
  const { milliseconds, ticks } = await isolated<{ milliseconds: number; ticks: number }>(
    t,
    'concurrency',
    'timerDuringRun',
  );
  t.true(milliseconds > 50, `the run took ${milliseconds} ms`);
  t.true(ticks > milliseconds / 20, `${ticks} ticks in ${milliseconds} ms`);
});

test.serial('runs that overlap give each its own result', async (t) => {
  t.deepEqual(await isolated<boolean[]>(t, 'concurrency', 'overlappingRuns'), Array(8).fill(true));
});

test.serial('trainings that overlap have the losses that each has alone, bit for bit', async (t) => {
  t.deepEqual(await isolated<boolean[]>(t, 'concurrency', 'overlappingTrainings'), Array(4).fill(true));
});

test.serial('worker threads have sessions of their own and run at once', async (t) => {
  t.deepEqual(await isolated<boolean[]>(t, 'concurrency', 'workersAtOnce'), Array(4).fill(true));
});

for (const work of ['Runs', 'Trainings', 'Fills', 'Programs', 'Creations', 'Failures']) {
  test.serial(`workers may be terminated during ${work.toLowerCase()}`, async (t) => {
    t.true(await isolated<boolean>(t, 'concurrency', `terminated${work}`));
  });
}

test('sessions with kernels may be made at the same time', async (t) => {
  for (let process = 0; process < 4; process++)
    t.is(await isolated<number>(t, 'concurrency', 'sessionsMadeAtOnce'), 8);
});
