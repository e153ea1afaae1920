import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { openRuntime } from '../../../src/ort/library.js';
import { loadOn } from '../../../src/session/load-model.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';

/** A chain of Identity nodes, which optimisation takes out, and how many of them run. */
async function identitiesRun(count: number): Promise<number> {
  const builder = new GraphBuilder();
  let value = builder.input('x', 'float', [1]);
  for (let at = 0; at < count; at++) value = builder.op('Identity', [value]);
  builder.output(builder.op('Neg', [value]), 'float', [1]);
  const folder = await mkdtemp(join(tmpdir(), 'flatmin-optimization-'));
  try {
    const profilePrefix = join(folder, 'profile');
    const model = makeModel(builder.graph);
    const { session } = await loadOn(new CpuDevice(1), openRuntime('stock'), model, { profilePrefix });
    const found = await session.run({ x: { type: 1, dims: [1], data: Float32Array.of(2) } });
    if ([...found.values()][0]!.data[0] !== -2) throw new Error('The chain hands on something else.');
    const events = JSON.parse(await readFile(session.endProfiling(), 'utf8')) as { name: string }[];
    session.dispose();
    return events.filter(({ name }) => /^Identity.*_kernel_time$/.test(name)).length;
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('graphs of thousands of nodes are loaded as they are, smaller ones optimised', async (t) => {
  t.is(await identitiesRun(100), 0);
  t.is(await identitiesRun(8100), 8100);
});
