import { CpuDevice } from '../../src/vectors/device/cpu.js';
import { program } from '../../src/vectors/program/program.js';
import {
  download,
  interpret,
  randomStatements,
  randomVectors,
  sameElements,
  upload,
} from '../../test/unit/vectors/random-program.js';
import { fault, type Kind, value } from './kind.js';

/** Relative difference of sums, which are added in another order. */
const SUM_ERROR = 1e-12;

const sameSum = (a: number, b: number): boolean =>
  Object.is(a, b) || a === b || Math.abs(a - b) <= SUM_ERROR * Math.abs(b);

export const programs: Kind = {
  name: 'programs',
  about: 'random programs over vectors, on 1 and 2 threads, against plain JavaScript',
  count: 300,
  async run({ draw }) {
    const statements = randomStatements(draw, draw.integer(1, 6));
    const length = draw.integer(1, draw.pick([20, 3000, 30_000]));
    const [from, cut] = [draw.integer(0, length), draw.integer(0, length)].sort((a, b) => a - b) as [
      number,
      number,
    ];
    const scalars = () => ({ s: draw.normal(), t: draw.pick([0, -1.7, 1e-30, 1e30]) });
    const ranges = [
      { first: from, count: cut - from, scalars: scalars() },
      { first: cut, count: length - cut, scalars: scalars() },
    ];
    const given = randomVectors(draw, length);
    const expected = Object.fromEntries(
      Object.entries(given).map(([name, values]) => [name, values.slice()]),
    );
    const sums = interpret(statements, expected, ranges);
    for (const threads of [1, 2]) {
      const buffers = upload(given);
      const found = await new CpuDevice(threads).run(program(...statements), buffers, ranges);
      const at = `on ${threads} threads, ${length} elements`;
      for (const [name, values] of Object.entries(download(buffers)))
        if (!sameElements(values, expected[name]!)) return fault(`vector ${name} is another ${at}`);
      for (const [k, sum] of sums.entries())
        if (!sameSum(found[k]!.known!, sum))
          return fault(`sum ${k} is ${found[k]!.known}, but should be ${sum}, ${at}`);
    }
    return value;
  },
};
