import { formsOf } from '../../lowering/forms.js';
import { flatmin, standard, type Target, training } from '../../lowering/targets.js';
import { makeModel } from '../../onnx/builder.js';
import { flatminDomain, opKey } from '../../onnx/domains.js';
import { encodeModel, type Graph, type ModelProto, type Node, type OperatorSet } from '../../onnx/proto.js';
import { dataTypeName } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { ChildDied, runInChild } from '../child/run.js';
import type { FormsRequest, FormTime } from './time-forms.js';

/** One way to compute an op, and what it takes. */
export interface FormResult {
  /** Kernels that it has: flatmin's own, ONNX Runtime's training ops, or those of standard operators alone. */
  readonly form: 'flatmin' | 'training' | 'standard';
  /** Its ops. */
  readonly ops: readonly string[];
  /** Null where it does not run. */
  readonly seconds: number | null;
  /** Why it does not run. */
  readonly refused?: string;
  /** Whether the session has it. */
  readonly chosen: boolean;
  /** Whether no other form is faster by more than the noise of a measurement. */
  readonly fastest: boolean;
}

/** Equal nodes of the training graph, before it is lowered. */
export interface OpForms {
  /** With its domain where that is not ONNX's. */
  readonly op: string;
  /** Element types and shapes; empty for an input that is left out. */
  readonly inputs: readonly string[];
  /** How many nodes there are. */
  readonly count: number;
  /** Two or more. */
  readonly forms: readonly FormResult[];
}

export interface FormsContext {
  /** In training ops. */
  readonly graph: Graph;
  readonly types: ValueTypes;
  readonly opsetImport: readonly OperatorSet[];
  /** That the session has. */
  readonly target: Target;
  readonly where: Omit<FormsRequest, 'models'>;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** A form is not slower than the fastest where it takes up to this much longer: the noise of a measurement. */
const TIE = 1.03;

/** Times every form of each op that has more than one, as models of one op, in children: a form that crashes is told so. */
export async function compareForms(context: FormsContext): Promise<OpForms[]> {
  const { graph, types, target, opsetImport, onProgress } = context;
  const groups = distinctNodes(graph, types);
  const results: OpForms[] = [];
  for (const [index, nodes] of groups.entries()) {
    onProgress?.(index, groups.length);
    const [node] = nodes as [Node, ...Node[]];
    const forms = formsOf([node], types, targetsOf(context), graph.initializer);
    if (forms.length < 2) continue;
    const models = forms.map((form) => {
      return { bytes: encodeModel(formModel(form.graph, opsetImport)), kernels: form.target.kernels };
    });
    const times = await timed(models, context);
    const chosen = keyOf(formsOf([node], types, [target], graph.initializer)[0]!.graph);
    const fastest = Math.min(
      ...times.map((time) => ('seconds' in time ? time.seconds : Number.POSITIVE_INFINITY)),
    );
    results.push({
      op: opKey(node),
      inputs: describe(node.input, types),
      count: nodes.length,
      forms: forms.map((form, i): FormResult => {
        const time = times[i]!;
        const seconds = 'seconds' in time ? time.seconds : null;
        return {
          form: kindOf(form.graph),
          ops: form.graph.node.map(opKey),
          seconds,
          ...('refused' in time && { refused: time.refused }),
          chosen: keyOf(form.graph) === chosen,
          fastest: seconds !== null && seconds <= TIE * fastest,
        };
      }),
    });
  }
  onProgress?.(groups.length, groups.length);
  return results.sort((a, b) => weight(b) - weight(a));
}

const weight = ({ count, forms }: OpForms): number =>
  count *
  Math.max(0, ...forms.flatMap(({ chosen, seconds }) => (chosen && seconds !== null ? [seconds] : [])));

/** The session's target first. Kernels of flatmin are for the CPU. */
const targetsOf = ({ target, where }: FormsContext): Target[] => [
  ...[target, training],
  ...(where.device === 'cpu' ? [flatmin] : []),
  standard,
];

function kindOf({ node }: Graph): FormResult['form'] {
  if (node.some(({ domain }) => domain === flatminDomain)) return 'flatmin';
  return node.some((one) => training.ops.has(opKey(one))) ? 'training' : 'standard';
}

function formModel(graph: Graph, opsetImport: readonly OperatorSet[]): ModelProto {
  const given = opsetImport.filter(({ domain }) => !domain);
  const domains = [...new Set(graph.node.map(({ domain }) => domain ?? ''))].filter(
    (domain) => domain !== '',
  );
  const model = makeModel(graph);
  return { ...model, opsetImport: [...given, ...domains.map((domain) => ({ domain, version: 1 }))] };
}

const keyOf = ({ node }: Graph): string => JSON.stringify(node);

function distinctNodes(graph: Graph, types: ValueTypes): Node[][] {
  const groups = new Map<string, Node[]>();
  for (const node of graph.node) {
    const names = [...node.input, ...node.output];
    if (!names.every((name) => name === '' || types.has(name))) continue;
    const shapes = [describe(node.input, types), describe(node.output, types)];
    const key = JSON.stringify([opKey(node), node.attribute, shapes]);
    groups.set(key, [...(groups.get(key) ?? []), node]);
  }
  return [...groups.values()];
}

const describe = (names: readonly string[], types: ValueTypes): string[] =>
  names.map((name) => {
    const type = types.get(name);
    return type ? `${dataTypeName(type.type)} ${type.dims.length > 0 ? type.dims.join('×') : 'scalar'}` : '';
  });

async function timed(models: FormsRequest['models'], { where, signal }: FormsContext): Promise<FormTime[]> {
  const times: FormTime[] = [];
  while (times.length < models.length) {
    try {
      await runInChild('forms', [{ ...where, models: models.slice(times.length) }], {
        signal,
        onProgress: (time) => times.push(time as FormTime),
      });
    } catch (error) {
      if (!(error instanceof ChildDied)) throw error;
      times.push({ refused: `it ends the process (${error.end})` });
    }
  }
  return times;
}
