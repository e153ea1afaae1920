import test from 'ava';
import { interpretRegion } from './region-interpreter.js';
import { runRegion } from './region-model.js';
import { randomRegion } from './region-random.js';

const cases = Array.from({ length: 12 }, (_, part) =>
  Array.from({ length: 40 }, (_, index) => `region ${part * 40 + index}`),
);

/** The first element that is off, in words. */
function difference(found: Float32Array, expected: Float32Array, exact: boolean): string | undefined {
  if (found.length !== expected.length) return `${found.length} elements, expected ${expected.length}`;
  for (const [at, value] of expected.entries()) {
    const close = exact ? 0 : 1e-4 * (1 + Math.abs(value));
    if (!Object.is(found[at], value) && !(found[at] === value || Math.abs(found[at]! - value) <= close))
      return `element ${at} is ${found[at]}, expected ${value}`;
  }
}

/** Runs with the kernels of an instruction set. */
async function on<T>(set: string | undefined, run: () => Promise<T>): Promise<T> {
  if (set) process.env.FLATMIN_ISA = set;
  try {
    return await run();
  } finally {
    delete process.env.FLATMIN_ISA;
  }
}

for (const [part, names] of cases.entries()) {
  test.serial(`random programs compute what the interpreter does, part ${part}`, async (t) => {
    for (const name of names) {
      const { program, inputs, exact } = randomRegion(name);
      const expected = interpretRegion(program, inputs);
      const found = await runRegion(program, inputs);
      for (const [output, values] of expected.entries()) {
        const off = difference(found[output]!, values, exact[output]!);
        t.is(off, undefined, `${name}, output ${output}: ${off}\n${JSON.stringify(program)}`);
      }
      for (const [set, threads] of [
        [undefined, 2],
        ['avx2', 1],
        ['generic', 3],
      ] as const)
        t.deepEqual(
          (await on(set, () => runRegion(program, inputs, threads))).map(
            ({ buffer }) => new Int32Array(buffer),
          ),
          found.map(({ buffer }) => new Int32Array(buffer)),
          `${name}: other bits on ${set ?? 'the best instruction set'} with ${threads} threads`,
        );
    }
  });
}
