import test from 'ava';
import { Spans, VECTORS } from '../../../src/bench/trace/spans.js';
import { tracedDevice } from '../../../src/bench/trace/traced-device.js';
import type { Device } from '../../../src/vectors/device/device.js';
import { openDevice } from '../../../src/vectors/device/open.js';
import { assign, scalar, sumOfSquares, vector } from '../../../src/vectors/program/expression.js';
import { program } from '../../../src/vectors/program/program.js';

test('a traced device does what its device does, and keeps what it cost', async (t) => {
  const spans = new Spans();
  const device = tracedDevice(openDevice('cpu', { threads: 1 }), spans);
  const [w, g] = [device.allocate(400), device.allocate(400)];
  w.write(new Float32Array(100).fill(3));
  g.write(new Float32Array(100).fill(2));
  const update = program(
    assign(vector('w'), vector('w').minus(vector('g').times(scalar('lr')))),
    sumOfSquares(vector('g')),
  );
  const [squares] = await device.run(update, { w, g }, [{ first: 0, count: 50, scalars: { lr: 0.5 } }]);
  t.is(await squares!.read(), 200);
  const out = new Float32Array(100);
  w.read(out);
  t.deepEqual([out[0], out[49], out[50]], [2, 2, 3]);
  await device.upload(g, new Float32Array(100));
  t.is(spans.all.length, 2);
  const [run, upload] = spans.all;
  t.is(run!.name, VECTORS);
  // w and g read, w written; a product, a difference, and a square and its sum, for each of 50 elements.
  t.deepEqual(run!.args, { vectors: 'w, g', bytes: 4 * 150, flop: 200 });
  t.deepEqual(upload!.args, { bytes: 400 });
  t.true(run!.end >= run!.start && upload!.start >= run!.end);
});

test('a traced device captures no runs, and keeps its own state', (t) => {
  class Other {
    readonly facts = { queuesWork: true, capturesRuns: true };
    readonly #name = 'other';
    get name() {
      return this.#name;
    }
  }
  const device = tracedDevice(new Other() as unknown as Device, new Spans());
  t.is(device.name, 'other');
  t.like(device.facts, { queuesWork: true, capturesRuns: false });
});
