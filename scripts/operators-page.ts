import { backward } from '../src/autodiff/backward.js';
import { decompose } from '../src/autodiff/decompose/decompose.js';
import { decompositions } from '../src/autodiff/decompose/registry.js';
import { UNROLL_LIMIT } from '../src/autodiff/prepare/control-flow.js';
import { COUNTED_ITERATIONS } from '../src/autodiff/prepare/loops/counting.js';
import { refused } from '../src/autodiff/refused.js';
import { nonDifferentiable, rules } from '../src/autodiff/registry.js';
import { scatterReductions } from '../src/autodiff/rules/scatter.js';
import { useBatchStatistics } from '../src/autodiff/training-form.js';
import { UNROLLED_STEPS } from '../src/autodiff/unrolled-steps.js';
import { lower, lowerings } from '../src/lowering/lower.js';
import { flatmin, standard, training } from '../src/lowering/targets.js';
import { intAttribute } from '../src/onnx/attributes.js';
import { GraphBuilder, makeModel } from '../src/onnx/builder.js';
import { flatminDomain, microsoft, opKey, trainingDomain } from '../src/onnx/domains.js';
import { inferTypes } from '../src/ort/infer-types.js';
import { openRuntime, type Runtime } from '../src/ort/library.js';
import { cudaTrainingKernels, opsWithKernels } from '../src/releases/training-kernels.js';
import { buildCase, type GradientCase } from '../test/gradcheck/case.js';
import { gradientCases } from '../test/gradcheck/cases/index.js';
import { checkedInputs } from '../test/gradcheck/reference-gradient.js';

/** Training ops that ONNX Runtime's training build has CUDA kernels for. */
const onCuda = opsWithKernels(cudaTrainingKernels);

/** What the gradients of an op were seen to be made of. */
interface Emitted {
  readonly trainingOps: Set<string>;
  readonly kernels: Set<string>;
}

const HEAD = `# Operators

Written by \`npm run docs\` from the tables in the code (src/autodiff, src/lowering) and the gradient checks (test/gradcheck): do not edit
it by hand. A test compares the two.

`;

const inWords = (count: number): string => count.toLocaleString('en');

const LEGEND = `- **gradient**: *rule*: a rule of its own; *rewritten*: differentiable operators take its place before gradients are taken;
  ScatterND with a reduction is rewritten, as its kernel loses updates on several threads.
- **training ops**: what its gradient uses beyond standard operators, where anything; ops without a domain here are of \`${microsoft}\`, but for
  MaxPoolGrad and AveragePoolGrad; those of \`${trainingDomain}\` are flatmin's own, and no library has them. Seen in the checks of that
  operator alone. The next two columns say which of them ONNX Runtime's training
  build (1.28) has kernels for, on the CPU and on CUDA; *lowered*: it does not, or they are wrong, and standard operators take their place.
  The gradients of ConvTranspose, Resize, LSTM and GRU are never those that the training build has for one device alone: they are made of
  others. The column of CUDA is from the kernels in that build's library, not from a run.
- **standard operators**: whether the gradient can be put in standard operators alone, for any runtime.
- **own kernels**: flatmin's, on the default runtime.
- **checks**: cases in which forward values and gradients are compared with float64 references and finite differences (relative error
  below 1e-4), each in standard operators and with flatmin's kernels, and in training ops where \`FLATMIN_TRAINING_RUNTIME\` names such a library.

ScatterElements and ScatterND: with reductions ${scatterReductions.join(', ')}. Equal extremes share the gradient, the element written to included,
and where a factor is zero the product of the others counts, as in PyTorch.

Before any of this, functions of the model's own are written out, the branch that constants and sizes decide takes the place of an If,
and their steps that of Loop, Scan and recurrent operators of up to ${UNROLLED_STEPS} steps. Of more steps, Loop and the recurrent operators become Scan, whose
gradient is another Scan. A Loop's number of iterations is what its condition comes to, up to ${inWords(COUNTED_ITERATIONS)}, where that depends on constants and
sizes alone. Loops around Dropout, BatchNormalization, random numbers or an If that each iteration decides, and those whose state changes its
shape, are written out however long they are, up to ${inWords(UNROLL_LIMIT)} nodes.

`;

/** The text of docs/operators.md. */
export async function operatorsPage(): Promise<string> {
  const emitted = await emittedOps(openRuntime('stock'));
  const checks = checkCounts();
  const trained = [...new Set([...Object.keys(rules), ...Object.keys(decompositions)])]
    .filter((key) => !(key in lowerings) || key === batchNormInternal)
    .sort(byName);
  const rows = trained.map((key) => row(key, emitted.get(key), checks.get(key) ?? 0));
  const stops = [...nonDifferentiable].sort(byName).map((key) => [shown(key), String(checks.get(key) ?? 0)]);
  const refusals = Object.entries(refused).sort(([a], [b]) => byName(a, b));
  return [
    `${HEAD}## With a gradient\n\n${trained.length} operators.\n\n${LEGEND}`,
    table(
      [
        ...['operator', 'gradient', 'training ops', 'CPU', 'CUDA'],
        ...['standard operators', 'own kernels', 'checks'],
      ],
      rows,
    ),
    '\n## Not differentiable\n\nConstant almost everywhere, random or of integers: no gradient passes, and none is missed.\n\n',
    table(['operator', 'checks'], stops),
    '\n## Refused\n\nA parameter in front of one of these is an error that names the node. `--freeze` what is in front, or do what is said here. Any\n' +
      'operator that is on none of the three lists is refused as well.\n\n',
    table(
      ['operator', 'why, and what to do'],
      refusals.map(([key, reason]) => [shown(key), reason]),
    ),
  ].join('');
}

function row(key: string, seen: Emitted | undefined, checks: number): string[] {
  const ops = [...(seen?.trainingOps ?? [])].sort(byName);
  const has = (op: string) => training.ops.has(op);
  return [
    shown(key),
    [...(key in rules ? ['rule'] : []), ...(key in decompositions ? ['rewritten'] : [])].join(' or '),
    ops.map(bare).join(', ') || '–',
    support(ops, has),
    support(ops, (op) => onCuda.has(op)),
    ops.every((op) => op in lowerings) ? 'yes' : 'no',
    [...(seen?.kernels ?? [])].sort(byName).join(', ') || '–',
    String(checks),
  ];
}

function support(ops: readonly string[], has: (op: string) => boolean): string {
  if (ops.length === 0) return '–';
  const lacking = ops.filter((op) => !has(op));
  if (lacking.length === 0) return 'yes';
  return lacking.length === ops.length ? 'lowered' : `${lacking.map(bare).join(', ')} lowered`;
}

/** Cases by the ops in them. */
function checkCounts(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const gradientCase of gradientCases)
    for (const key of opsOf(gradientCase)) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

/** BatchNormalization by the batch is what rules know as this; other training ops are in no model, their rules are for products of the Hessian. */
const batchNormInternal = `${microsoft}:BatchNormInternal`;

const opsOf = (gradientCase: GradientCase): Set<string> =>
  new Set(
    buildCase(gradientCase).builder.graph.node.map((node) =>
      intAttribute(node, 'training_mode', 0) === 1 ? batchNormInternal : opKey(node),
    ),
  );

/** Takes the gradients of all cases of one op alone, and sees what they are made of. */
async function emittedOps(runtime: Runtime): Promise<Map<string, Emitted>> {
  const found = new Map<string, Emitted>();
  for (const gradientCase of gradientCases) {
    const ops = opsOf(gradientCase);
    const [key] = ops;
    if (ops.size !== 1 || !key || !(key in rules || key in decompositions)) continue;
    const seen = found.get(key) ?? { trainingOps: new Set(), kernels: new Set() };
    found.set(key, seen);
    await take(runtime, gradientCase, key, seen);
  }
  return found;
}

async function take(runtime: Runtime, gradientCase: GradientCase, key: string, seen: Emitted): Promise<void> {
  const { builder: written, output } = buildCase(gradientCase);
  const versions = { '': gradientCase.opset ?? 17, [microsoft]: 1 };
  const infer = (graph: typeof written.graph) => inferTypes(runtime, makeModel(graph, versions));
  const inputs = checkedInputs(gradientCase);
  const known = await infer(written.graph);
  const graph = decompose(written.graph, known, inputs);
  const types = graph === written.graph ? known : await infer(graph);
  const builder = new GraphBuilder(graph);
  if (key === batchNormInternal) useBatchStatistics(builder, types);
  const seed = builder.input('cotangent', 'float', types.get(output)!.dims);
  types.set(seed, types.get(output)!);
  backward(builder, types, new Map([[output, seed]]), inputs);
  for (const node of builder.graph.node) {
    const op = opKey(node);
    if (op in lowerings && op !== key) seen.trainingOps.add(op);
  }
  if (lower(builder.graph, types, standard).node.some((node) => node.domain === flatminDomain))
    throw new Error(`${gradientCase.name}: the standard form has a kernel of flatmin's.`);
  if (gradientCase.unsupported?.flatmin) return;
  for (const node of lower(builder.graph, types, flatmin).node)
    if (node.domain === flatminDomain) seen.kernels.add(node.opType);
}

const bare = (key: string): string => key.replace(`${microsoft}:`, '');
const shown = (key: string): string => `\`${key}\``;
const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('');
}
