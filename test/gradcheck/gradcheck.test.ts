import test from 'ava';
import { decompositions } from '../../src/autodiff/decompose/registry.js';
import { rules } from '../../src/autodiff/registry.js';
import { trainingCpu, trainingCuda } from '../../src/capabilities/tables.js';
import { targetOf } from '../../src/capabilities/target-for.js';
import { flatmin, standard, type Target, training } from '../../src/lowering/targets.js';
import { intAttribute } from '../../src/onnx/attributes.js';
import { opKey } from '../../src/onnx/domains.js';
import { openRuntime, type Runtime } from '../../src/ort/library.js';
import { relativeError } from '../reference/tolerance.js';
import { buildCase } from './case.js';
import { gradientCases } from './cases/index.js';
import { cudaFormsOnCpu } from './cuda-forms.js';
import { runGradient } from './gradient-graph.js';
import { probeError, type ReferenceGradient, referenceGradient } from './reference-gradient.js';

const forwardTolerance = 1e-5;
const gradientTolerance = 1e-4;

const references = new Map<string, ReferenceGradient>();
function referenceOf(gradientCase: (typeof gradientCases)[number]): ReferenceGradient {
  const known = references.get(gradientCase.name) ?? referenceGradient(gradientCase);
  references.set(gradientCase.name, known);
  return known;
}

const trainingLibrary = process.env.FLATMIN_TRAINING_RUNTIME;
const runtimes = new Map<string, Runtime>();
const runtimeOf = (choice: string): Runtime => {
  if (!runtimes.has(choice)) runtimes.set(choice, openRuntime(choice));
  return runtimes.get(choice)!;
};

/** The forms of a library with CUDA but without training ops. */
const cudaStandard = { ...targetOf({ ...trainingCuda, kernels: {} }), name: 'cuda, standard operators' };

const checked: readonly (readonly [Target, 'stock' | 'training'])[] = [
  [standard, 'stock'],
  [flatmin, 'stock'],
  [training, 'training'],
  [targetOf(trainingCpu), 'training'],
  [cudaFormsOnCpu, 'training'],
  [cudaStandard, 'stock'],
];

for (const [target, build] of checked) {
  if (build === 'training' && !trainingLibrary) {
    test(`gradients on the target ${target.name}`, (t) => {
      t.log('Skipped: FLATMIN_TRAINING_RUNTIME does not name a libonnxruntime of the training build.');
      t.pass();
    });
    continue;
  }
  for (const gradientCase of gradientCases) {
    const reason = gradientCase.unsupported?.[target.name] ?? gradientCase.unsupported?.[`${build} build`];
    if (reason) {
      test(`${target.name}: ${gradientCase.name}`, (t) => {
        t.log(`Skipped: ${reason}.`);
        t.pass();
      });
      continue;
    }
    test(`${target.name}: ${gradientCase.name}`, async (t) => {
      const runtime = runtimeOf(build === 'training' ? trainingLibrary! : build);
      const { feeds, output, statistics, cotangent, probes } = referenceOf(gradientCase);
      const run = await runGradient(runtime, target, gradientCase, feeds, cotangent);

      t.deepEqual(run.overwritten, [], 'inputs stay as they are');
      t.deepEqual(run.output.dims, output.dims);
      const forwardError = relativeError(run.output.data, output.data);
      t.true(forwardError < forwardTolerance, `the output differs by ${forwardError}`);

      t.deepEqual([...run.statistics.keys()], [...statistics.keys()]);
      for (const [name, { data }] of statistics) {
        const error = relativeError(run.statistics.get(name)!.data, data);
        t.true(error < forwardTolerance, `the new ${name} differs by ${error}`);
      }

      const gradients = Object.fromEntries(
        Object.entries(feeds).map(([name, { dims, data }]) => {
          const gradient = run.gradients.get(name);
          if (gradient) t.deepEqual(gradient.dims, dims, `gradient of ${name}`);
          return [name, gradient?.data ?? new Float64Array(data.length)];
        }),
      );
      for (const probe of probes) {
        const error = probeError(probe, gradients);
        t.true(error < gradientTolerance, `the gradient of ${probe.inputs} differs by ${error}`);
      }
    });
  }
}

test('every rule and every decomposition has a case', (t) => {
  const used = new Set<string>();
  for (const gradientCase of gradientCases) {
    const { graph } = buildCase(gradientCase).builder;
    for (const node of graph.node) {
      const training = intAttribute(node, 'training_mode', 0) === 1;
      used.add(training ? 'com.microsoft:BatchNormInternal' : opKey(node));
    }
  }
  // Training ops, whose rules are those of second derivatives: Hessian products are checked against PyTorch.
  const ofGradients = (key: string) => key.endsWith('Grad');
  const unused = [...Object.keys(rules), ...Object.keys(decompositions)].filter(
    (key) => !used.has(key) && !ofGradients(key),
  );
  t.deepEqual(unused, []);
});
