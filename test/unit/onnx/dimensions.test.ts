import test from 'ava';
import { emptyGraph, makeModel, valueInfo } from '../../../src/onnx/builder.js';
import { nearNames } from '../../../src/onnx/near-names.js';
import { decodeModel, encodeModel } from '../../../src/onnx/proto.js';
import { dimsOf } from '../../../src/onnx/shapes/dimensions.js';

/** As a file has it, where absent fields read as their defaults. */
function written(dim: { dimValue?: number; dimParam?: string }[] | undefined) {
  const info = valueInfo('x', 'float', []);
  info.type!.tensorType!.shape = dim && { dim };
  if (!dim) delete info.type!.tensorType!.shape;
  const graph = { ...emptyGraph('graph'), input: [info] };
  return dimsOf(decodeModel(encodeModel(makeModel(graph)), 'the test').graph.input[0]!);
}

test('what a file does not say of a dimension is open, each on its own', (t) => {
  t.deepEqual(written([{}, { dimValue: 3 }]), ['x[0]', 3]);
  t.deepEqual(written([{ dimValue: 0 }, { dimValue: -1 }]), ['x[0]', 'x[1]']);
  const placeholders = ['?', '', 'None', '-1', 'unk'].map((dimParam) => ({ dimParam }));
  t.deepEqual(written(placeholders), ['x[0]', 'x[1]', 'x[2]', 'x[3]', 'x[4]']);
  t.deepEqual(written([{ dimParam: 'unk__12' }, { dimParam: 'batch' }]), ['unk__12', 'batch']);
  t.deepEqual(written([]), []);
  t.is(written(undefined), undefined);
});

test('names like one that does not exist, the nearest first', (t) => {
  t.deepEqual(nearNames('logit', ['Softmax_0', 'logits', 'x']), ['logits']);
  t.is(nearNames('lgoits', ['biases', 'logits'])[0], 'logits');
  t.deepEqual(nearNames('output', ['hidden/output_0', 'w']), ['hidden/output_0']);
});
