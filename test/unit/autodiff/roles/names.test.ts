import test from 'ava';
import {
  type NameKind,
  type Naming,
  nameKind,
  soundsComputed,
} from '../../../../src/autodiff/roles/names.js';

const kinds: readonly (readonly [name: string, kind: NameKind, naming?: Naming])[] = [
  ['layer1.0.conv1.weight', 'parameter'],
  ['encoder.layers.0.self_attn.in_proj_bias', 'parameter'],
  ['model/dense/MatMul/ReadVariableOp:0', 'parameter'],
  ['sequential_1/batch_normalization_1/batchnorm/mul:0', 'parameter'],
  ['conv2d_0.w_0', 'parameter'],
  ['coefficient1', 'parameter'],
  ['/logit/Exp_output_0', 'parameter', 'traced'],
  ['blocks.0.gamma_1', 'member'],
  ['n.eps', 'member'],
  ['scale', 'member'],
  ['onnx::MatMul_123', 'folded'],
  ['const_fold_opt__57', 'folded'],
  ['/gn/Unsqueeze_output_0', 'folded', 'traced'],
  ['val_3', 'constant', 'program'],
  ['/ln/Constant_1_output_0', 'constant', 'traced'],
  ['helper.constant.0', 'constant'],
  ['Di_Divcst', 'constant'],
  ['ConstantFolding/model/dense/Gelu/truediv_recip:0', 'formula'],
  ['model/mul/y:0', 'formula'],
  ['/attn/Sqrt_output_0', 'formula', 'traced'],
  ['unity', 'formula'],
  ['arange_1', 'computed', 'program'],
  ['4', 'plain'],
  ['v129', 'plain'],
  ['expand_2', 'plain', 'program'],
];
for (const [name, kind, naming = 'unknown'] of kinds) {
  test(`${name} is ${kind}`, (t) => {
    t.is(nameKind(name, naming), kind);
  });
}

test('means, masks and tables have their names', (t) => {
  for (const name of [
    'mean',
    'norm.std',
    'image_mean',
    'rotary.inv_freq',
    'causal_mask',
    'stft.forward_basis_buffer',
  ])
    t.true(soundsComputed(name), name);
  for (const name of ['log_variance', 'mask_token', 'mean_pool.weight', 'pos_embed'])
    t.false(soundsComputed(name), name);
});
