import test from 'ava';
import { flatmin } from '../../src/lowering/targets.js';
import { opKey } from '../../src/onnx/domains.js';
import { openRuntime } from '../../src/ort/library.js';
import { attentionFormCases } from './cases/attention-forms.js';
import { gradientModel } from './gradient-graph.js';
import { referenceGradient } from './reference-gradient.js';

for (const form of attentionFormCases) {
  test(`${form.name}: ${form.isFused ? 'is taken by the kernels' : 'is left as it is'}`, async (t) => {
    const { cotangent } = referenceGradient(form);
    const { model } = await gradientModel(openRuntime('stock'), flatmin, form, cotangent.dims);
    const ops = model.graph.node.map(opKey);
    t.is(ops.includes('flatmin:Attention'), form.isFused);
    t.is(ops.includes('flatmin:AttentionGrad'), form.isFused);
  });
}
