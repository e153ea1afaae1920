import test from 'ava';
import { standard, training } from '../../src/lowering/targets.js';
import { intAttribute } from '../../src/onnx/attributes.js';
import { openRuntime } from '../../src/ort/library.js';
import { buildCase } from './case.js';
import { gradientCases } from './cases/index.js';
import { runHalfGradient } from './half-gradient.js';
import { probeError, referenceGradient } from './reference-gradient.js';

/** float16 has 11 significant bits; what cancels in a case loses some more. */
const tolerance = 3e-2;

const stock = { runtime: openRuntime('stock'), target: standard };
const library = process.env.FLATMIN_TRAINING_RUNTIME;
/** Batch normalisation of half-precision data has a kernel, but no form in standard operators. */
const withKernels = library && { runtime: openRuntime(library), target: training };

for (const gradientCase of gradientCases) {
  const reason = gradientCase.unsupported?.standard;
  test(`half precision: ${gradientCase.name}`, async (t) => {
    if (reason) {
      t.log(`Skipped: ${reason}.`);
      t.pass();
      return;
    }
    const reference = referenceGradient(gradientCase);
    const { node } = buildCase(gradientCase).builder.graph;
    const trains = node.some((each) => intAttribute(each, 'training_mode', 0) === 1);
    const native = trains ? withKernels : stock;
    const runs = [
      ...(native ? [{ form: 'native' as const, ...native }] : []),
      { form: 'emulated' as const, ...stock },
    ];
    for (const { form, runtime, target } of runs) {
      const gradients = await runHalfGradient(runtime, target, gradientCase, reference, form);
      for (const probe of reference.probes) {
        const error = probeError(probe, gradients);
        t.true(error < tolerance, `${form}: the gradient of ${probe.inputs} differs by ${error}`);
      }
    }
  });
}
