import test from 'ava';
import { faultsOf, growthOf, pilesUp } from '../../scripts/soak/growth.js';
import type { Held } from '../../scripts/soak/measure.js';
import { soak } from '../../scripts/soak/soak.js';

// Resident memory is for the long form: within seconds it is what V8 and allocators warm up to.
for (const [name, rounds] of [
  ['steps', 500],
  ['sessions', 50],
  ['dropped', 50],
  ['evaluations', 100],
  ['loaders', 20],
] as const)
  test.serial(`${rounds} ${name} leave no buffers, files or threads behind`, async (t) => {
    t.deepEqual(pilesUp(growthOf(await soak(name, rounds, 10))), []);
  });

test.serial('sessions that are kept are found', async (t) => {
  t.regex(pilesUp(growthOf(await soak('kept', 20, 10))).join(), /bytes of buffers,.*threads/);
});

test('growth is told between medians, after warming up', (t) => {
  const held = (resident: number, files = 3): Held => ({
    resident,
    heap: 1,
    external: 1,
    buffers: 1,
    files,
    threads: 1,
  });
  // Two looks a part: the first are of warming up, and one peak between two others is none.
  const looks = [50, 60, 100, 100, 300, 90, 100, 100, 106, 106].map((each) => held(each));
  t.deepEqual(faultsOf(growthOf(looks)), ['resident memory grew by 6.0 %']);
  t.deepEqual(faultsOf(growthOf(looks.map((each, index) => (index < 8 ? each : held(104))))), []);
  t.deepEqual(faultsOf(growthOf(looks.map((_, index) => held(100, index)))), ['6 open files']);
});
