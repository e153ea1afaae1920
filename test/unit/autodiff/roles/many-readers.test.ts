import test from 'ava';
import { prepareModel } from '../../../../src/autodiff/prepare/prepare.js';
import { Modules } from '../../../../src/autodiff/roles/modules.js';
import { GraphBuilder, makeModel } from '../../../../src/onnx/builder.js';
import { makeTensor } from '../../../../src/onnx/tensors/tensor.js';

test('readers of one weight are told apart without comparing all of them with each other', (t) => {
  const readers = 2000;
  const builder = new GraphBuilder();
  builder.input('x', 'float', [8]);
  builder.initializer(makeTensor('w', 'float', [8], new Float32Array(8)));
  let last = 'x';
  for (let count = 0; count < readers; count++) last = builder.op('Add', [last, 'w']);
  builder.output(last, 'float', [8]);

  const { areOne } = Modules.prototype;
  let comparisons = 0;
  Modules.prototype.areOne = function (a, b) {
    comparisons++;
    return areOne.call(this, a, b);
  };
  t.teardown(() => {
    Modules.prototype.areOne = areOne;
  });
  t.is(prepareModel(makeModel(builder.graph)).model.graph.initializer.length, readers);
  t.true(comparisons < 2 * readers, `${comparisons} comparisons of ${readers} readers`);
});
