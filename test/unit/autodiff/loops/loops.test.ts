import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { prepareModel } from '../../../../src/autodiff/prepare/prepare.js';
import { fixShapes } from '../../../../src/autodiff/prepare/shapes.js';
import { resolveControlFlow } from '../../../../src/compile/trainable-graph.js';
import { outputLoss } from '../../../../src/losses/custom.js';
import { meanSquaredError } from '../../../../src/losses/regression.js';
import { emptyGraph, type GraphBuilder, valueInfo } from '../../../../src/onnx/builder.js';
import { readModel } from '../../../../src/onnx/model.js';
import type { ModelProto } from '../../../../src/onnx/proto.js';
import { scanNode } from '../../../../src/onnx/scan.js';
import { SGD } from '../../../../src/optim/sgd.js';
import { openRuntime } from '../../../../src/ort/library.js';
import { gradients } from '../../../../src/session/gradients.js';
import { TrainingSession } from '../../../../src/session/session.js';
import { runModel } from '../run-model.js';
import {
  appendLoop,
  BATCH,
  ends,
  LONG,
  number,
  SHORT,
  sequence,
  sequenceModel,
  step,
  WIDTH,
  written,
} from './models.js';

const runtime = openRuntime();

async function resolved(model: ModelProto) {
  const prepared = prepareModel(model).model;
  return { ...prepared, graph: await resolveControlFlow(runtime, prepared, fixShapes(prepared.graph, {})) };
}

const opsOf = ({ graph }: ModelProto) => new Set(graph.node.map(({ opType }) => opType));

/** The model computes what ONNX Runtime makes of it, in a form with or without a Scan, and has the gradients of another. */
async function agrees(
  t: ExecutionContext,
  model: ModelProto,
  expected: ModelProto,
  form: 'written' | 'Scan',
) {
  const dims = model.graph.input[0]!.type!.tensorType!.shape!.dim!.map(({ dimValue }) => Number(dimValue));
  const data = sequence(dims.reduce((a, b) => a * b, 1) / BATCH / WIDTH);
  const x = { dims, data: [...data] };
  const found = await resolved(model);
  const ops = opsOf(found);
  t.deepEqual([ops.has('Loop'), ops.has('If'), ops.has('Scan')], [false, false, form === 'Scan']);
  const [given, ours] = await Promise.all([runModel(model, { x }), runModel(found, { x })]);
  const output = (values: Record<string, number[]>) => Object.values(values)[0]!;
  output(given).forEach((value, at) => {
    t.true(Math.abs(value - output(ours)[at]!) < 1e-6, `output ${at}: ${value}, ${output(ours)[at]}`);
  });
  const take = (one: ModelProto) =>
    gradients(one, { x: { dims, data } }, { loss: outputLoss(), train: /^[wub]$/ });
  const [own, other] = [await take(model), await take(expected)];
  t.true(Math.abs(own.loss - other.loss) < 1e-6);
  for (const name of ['w', 'u', 'b']) {
    const [a, b] = [own.gradients.get(name)!, other.gradients.get(name)!];
    const size = Math.max(...b.map(Math.abs));
    t.true(size > 1e-3, `${name} has a gradient`);
    a.forEach((value, at) => {
      t.true(Math.abs(value - b[at]!) < 1e-5 * size, `${name}[${at}]: ${value}, not ${b[at]}`);
    });
  }
}

const lengths = [
  [SHORT, 'written'],
  [LONG, 'Scan'],
] as const;

/** One iteration over x at a position. */
const iterate = (body: GraphBuilder, position: string) =>
  step(body, 'state', body.op('Gather', ['x', position]));

for (const [steps, form] of lengths) {
  const dims = [steps, BATCH, WIDTH];

  test(`a Loop of ${steps} trips, ${form}`, async (t) => {
    const model = sequenceModel(dims, (builder) => {
      const [last, all] = appendLoop(builder, {
        trips: number(builder, steps),
        states: { state: 'h' },
        iteration: (body, trip) => {
          const next = iterate(body, trip);
          return { next: [next], shown: [body.op('Identity', [next])] };
        },
      });
      return ends(builder, last!, all!);
    });
    await agrees(t, model, written(steps), form);
  });

  test(`a Loop that its counter ends after ${steps}, with weights as states, ${form}`, async (t) => {
    const model = sequenceModel(dims, (builder) => {
      const bound = builder.op('Gather', [builder.op('Shape', ['x']), number(builder, 0)]);
      const outputs = appendLoop(builder, {
        states: { icount: number(builder, 0), state: 'h', ilimit: bound, kept: 'u' },
        iteration: (body) => {
          const next = step(body, 'state', body.op('Gather', ['x', 'icount']));
          const count = body.op('Add', ['icount', number(body, 1)]);
          const [limit, kept] = [body.op('Identity', ['ilimit']), body.op('Identity', ['kept'])];
          const both = body.op('And', [
            body.op('Less', [count, 'ilimit']),
            body.op('Less', [count, number(body, 1000)]),
          ]);
          return {
            goesOn: both,
            next: [count, next, limit, kept],
            shown: [body.op('Mul', [next, body.scalar(1)])],
          };
        },
      });
      return ends(builder, outputs[1]!, outputs[4]!);
    });
    await agrees(t, model, written(steps), form);
  });

  test(`a Loop backwards over its sequence of ${steps}, ${form}`, async (t) => {
    const model = sequenceModel(dims, (builder) => {
      const [last, , all] = appendLoop(builder, {
        trips: number(builder, steps),
        states: { state: 'h', iposition: number(builder, steps - 1) },
        iteration: (body) => {
          const next = iterate(body, 'iposition');
          return {
            next: [next, body.op('Sub', ['iposition', number(body, 1)])],
            shown: [body.op('Neg', [next])],
          };
        },
      });
      return ends(builder, last!, builder.op('Neg', [all!]));
    });
    await agrees(
      t,
      model,
      written(steps, (count) => steps - 1 - count),
      form,
    );
  });

  test(`a Loop in a Loop of ${steps}, ${form}`, async (t) => {
    const twice = (body: GraphBuilder, state: string, slice: string) =>
      step(body, step(body, state, slice), slice);
    const model = sequenceModel(dims, (builder) => {
      const [last, all] = appendLoop(builder, {
        trips: number(builder, steps),
        states: { state: 'h' },
        iteration: (body, trip) => {
          const slice = body.op('Gather', ['x', trip]);
          const [next] = appendLoop(body, {
            trips: number(body, 2),
            states: { deep: 'state' },
            iteration: (innermost) => ({ next: [step(innermost, 'deep', slice)] }),
          });
          return { next: [next!], shown: [body.op('Identity', [next!])] };
        },
      });
      return ends(builder, last!, all!);
    });
    await agrees(t, model, written(steps, undefined, twice), form);
  });

  test(`a Scan of ${steps}, ${form}`, async (t) => {
    await agrees(t, scanModel(steps, false), written(steps), form);
  });

  test(`a Scan of ${steps} back to front along other axes, ${form}`, async (t) => {
    await agrees(t, scanModel(steps, true), turned(steps), form);
  });
}

function scanModel(steps: number, isTurned: boolean): ModelProto {
  return sequenceModel(isTurned ? [BATCH, WIDTH, steps] : [steps, BATCH, WIDTH], (builder) => {
    const body = builder.nested(emptyGraph('body'));
    body.reserve(['state', 'slice']);
    const next = step(body, 'state', 'slice');
    const [axis, reversed] = [isTurned ? 2 : 0, isTurned];
    const graph = {
      ...body.graph,
      input: [valueInfo('state', 'float'), valueInfo('slice', 'float')],
      output: [{ name: next }, { name: body.op('Identity', [next]) }],
    };
    const parts = {
      name: 'scan',
      body: graph,
      states: ['h'],
      inputs: [{ name: 'x', axis, reversed }],
      finals: ['last'],
      outputs: [{ name: 'all', axis: isTurned ? 1 : 0, reversed }],
    };
    builder.graph.node.push(scanNode(parts));
    const all = isTurned ? builder.op('Transpose', ['all'], { perm: [1, 0, 2] }) : 'all';
    return ends(builder, 'last', all);
  });
}

/** The steps over the last axis of x, the last first, written out. */
const turned = (steps: number): ModelProto =>
  sequenceModel([BATCH, WIDTH, steps], (builder) => {
    let state = 'h';
    const all = Array.from({ length: steps }, (_, count) => {
      const slice = builder.op('Gather', ['x', number(builder, steps - 1 - count)], { axis: 2 });
      state = step(builder, state, slice);
      return builder.op('Unsqueeze', [state, builder.ints([0])]);
    });
    return ends(builder, state, builder.op('Concat', all, { axis: 0 }));
  });

test('a branch that each iteration decides is taken iteration by iteration', async (t) => {
  const alternating = (steps: number) =>
    sequenceModel([steps, BATCH, WIDTH], (builder) => {
      const [last, all] = appendLoop(builder, {
        trips: number(builder, steps),
        states: { state: 'h' },
        iteration: (body, trip) => {
          const slice = body.op('Gather', ['x', trip]);
          const branch = (make: (inner: GraphBuilder) => string) => {
            const inner = body.nested(emptyGraph('branch'));
            inner.output(make(inner), 'float');
            return { graph: inner.graph };
          };
          const isEven = body.op('Equal', [body.op('Mod', [trip, number(body, 2)]), number(body, 0)]);
          const next = body.op('If', [isEven], {
            then_branch: branch((inner) => step(inner, 'state', slice)),
            else_branch: branch((inner) => inner.op('Mul', ['state', inner.scalar(0.5)])),
          });
          return { next: [next], shown: [body.op('Identity', [next])] };
        },
      });
      return ends(builder, last!, all!);
    });
  const each = (builder: GraphBuilder, state: string, slice: string, count: number) =>
    count % 2 === 0 ? step(builder, state, slice) : builder.op('Mul', [state, builder.scalar(0.5)]);
  await agrees(t, alternating(SHORT), written(SHORT, undefined, each), 'written');
  // A Scan has no such branch: this one is written out however long it is.
  await agrees(t, alternating(LONG), written(LONG, undefined, each), 'written');
});

test('a Loop whose end the data decide is refused by name', async (t) => {
  const endless = (goesOn: (body: GraphBuilder) => string) =>
    sequenceModel([SHORT, BATCH, WIDTH], (builder) => {
      const [last] = appendLoop(builder, {
        states: { state: 'h' },
        iteration: (body) => {
          const next = step(body, 'state', 'zeros');
          return { goesOn: goesOn(body), next: [next] };
        },
      });
      return last!;
    });
  const byData = endless((body) =>
    body.op('Less', [body.op('ReduceMax', ['state'], { keepdims: 0 }), body.scalar(0.5)]),
  );
  await t.throwsAsync(gradients(byData, { x: sequence(SHORT) }, { loss: outputLoss(), train: /^[wub]$/ }), {
    code: 'NO_GRADIENT',
    message: /Loop "Loop" has no gradient rule \(constants and sizes must decide its number of iterations.*w/,
  });
});

test('a long Loop around Dropout, or whose state grows, is written out', async (t) => {
  const dropping = sequenceModel([LONG, BATCH, WIDTH], (builder) => {
    const [last] = appendLoop(builder, {
      trips: number(builder, LONG),
      states: { state: 'h' },
      iteration: (body, trip) => ({ next: [body.op('Dropout', [iterate(body, trip), body.scalar(0.5)])] }),
    });
    return last!;
  });
  const found = await resolved(dropping);
  t.is(found.graph.node.filter(({ opType }) => opType === 'Dropout').length, LONG);
  const growing = sequenceModel([LONG, BATCH, WIDTH], (builder) => {
    const [last] = appendLoop(builder, {
      trips: number(builder, LONG),
      states: { state: 'h' },
      iteration: (body, trip) => {
        const slice = body.op('MatMul', [body.op('Gather', ['x', trip]), 'u']);
        return { next: [body.op('Concat', ['state', slice], { axis: 0 })] };
      },
    });
    return last!;
  });
  t.true(opsOf(await resolved(growing)).has('Concat'));
  const taken = await gradients(growing, { x: sequence(LONG) }, { loss: outputLoss(), train: 'u' });
  const sums = [...Array(WIDTH).keys()].map((column) =>
    sequence(LONG).reduce((sum, value, at) => (at % WIDTH === column ? sum + value : sum), 0),
  );
  const count = (LONG + 1) * BATCH * WIDTH;
  [...taken.gradients.get('u')!].forEach((value, at) => {
    t.true(Math.abs(value - sums[Math.floor(at / WIDTH)]! / count) < 1e-6);
  });
});

test('what a Scan of too many nodes cannot hold is refused by name', async (t) => {
  const steps = 5000;
  const model = sequenceModel([steps, BATCH, WIDTH], (builder) => {
    const [last] = appendLoop(builder, {
      trips: number(builder, steps),
      states: { state: 'h' },
      iteration: (body, trip) => ({ next: [body.op('Dropout', [iterate(body, trip), body.scalar(0.5)])] }),
    });
    return last!;
  });
  await t.throwsAsync(gradients(model, { x: sequence(steps) }, { loss: outputLoss(), train: /^[wub]$/ }), {
    code: 'NO_GRADIENT',
    message: /Loop "Loop" .*w/,
  });
});

test('a model with a long Loop trains, is evaluated, and keeps its Loop in what is saved', async (t) => {
  const model = sequenceModel([LONG, BATCH, WIDTH], (builder) => {
    const [last] = appendLoop(builder, {
      trips: number(builder, LONG),
      states: { state: 'h' },
      iteration: (body, trip) => ({ next: [iterate(body, trip)] }),
    });
    return last!;
  });
  const session = await TrainingSession.create(model, { loss: meanSquaredError(), train: /^[wub]$/ });
  t.teardown(() => session.dispose());
  const batch = { x: sequence(LONG), targets: new Float32Array(BATCH * WIDTH) };
  const optimizer = new SGD({ lr: 0.1 });
  const losses: number[] = [];
  for (let count = 0; count < 20; count++) losses.push((await session.step(batch, optimizer)).loss);
  t.true(losses.at(-1)! < 0.5 * losses[0]!, String(losses));
  const folder = await mkdtemp(join(tmpdir(), 'flatmin-loop-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await session.save(join(folder, 'model.onnx'));
  const saved = await readModel(join(folder, 'model.onnx'));
  t.deepEqual(
    saved.graph.node.map(({ opType }) => opType),
    model.graph.node.map(({ opType }) => opType),
  );
  const [output] = Object.values(
    await runModel(saved, { x: { dims: [LONG, BATCH, WIDTH], data: [...sequence(LONG)] } }),
  );
  const loss = output!.reduce((sum, value) => sum + value ** 2, 0) / output!.length;
  const next = (await session.step(batch, optimizer)).loss;
  t.true(Math.abs(loss - next) < 1e-5, `${loss}, ${next}`);
});
