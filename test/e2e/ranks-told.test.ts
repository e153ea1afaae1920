import test from 'ava';
import { startCli } from './run-cli.js';

/** flatmin as if a launcher had started it as one of two ranks. */
const asRank = (rank: number, ...args: string[]) =>
  startCli(args, {
    PMI_SIZE: '2',
    PMI_RANK: String(rank),
    OMPI_COMM_WORLD_SIZE: undefined,
    OMPI_COMM_WORLD_RANK: undefined,
  });

test.serial(
  'a command that does not share its work is refused in several processes, and the first tells',
  async (t) => {
    for (const command of ['predict', 'runtime install']) {
      const args = [...command.split(' '), ...(command === 'predict' ? ['m.onnx'] : [])];
      const [first, second] = await Promise.all([0, 1].map((rank) => asRank(rank, ...args).result));
      t.regex(
        first!.stderr,
        new RegExp(`^flatmin: mpiexec .*started 2 processes \\(PMI_SIZE\\).*"flatmin ${command}"`),
      );
      t.is(first!.stderr.trim().split('\n').length, 1);
      t.deepEqual([first!.code, first!.stdout], [1, '']);
      t.deepEqual([second!.code, second!.stdout, second!.stderr], [1, '', '']);
    }
  },
);

test.serial('wrong usage is told by the first rank', async (t) => {
  const [first, second] = await Promise.all(
    [0, 1].map((rank) => asRank(rank, 'train', '--modle', 'x').result),
  );
  t.is(first!.stderr, "flatmin: unknown option '--modle' (Did you mean --model?)\n");
  t.deepEqual([first!.code, second!.code, second!.stderr], [2, 2, '']);
});

test.serial('a rank that fails on its own tells its number, once it knows', async (t) => {
  const args = ['experiment', 'no-such-experiment', '--out', 'nowhere'];
  const alone = await startCli(args).result;
  const { code, stderr } = await asRank(1, ...args).result;
  t.is(stderr, alone.stderr.replace('flatmin: ', 'flatmin: Rank 1 of 2: '));
  t.is(code, alone.code);
});
