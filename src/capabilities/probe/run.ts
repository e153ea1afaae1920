import type { NativeSessionOptions } from '../../addon/types.js';
import { isolate } from '../../lowering/forms.js';
import { lower } from '../../lowering/lower.js';
import { standard } from '../../lowering/targets.js';
import { makeModel } from '../../onnx/builder.js';
import { microsoft } from '../../onnx/domains.js';
import type { Graph } from '../../onnx/proto.js';
import type { ElementType } from '../../onnx/tensors/element-types.js';
import { decodeHalf, encodeFloats, isHalfPrecision } from '../../onnx/tensors/floats.js';
import { DataType, int64Data } from '../../onnx/tensors/tensor.js';
import type { Runtime } from '../../ort/library.js';
import { type HostTensor, Session } from '../../ort/session.js';
import type { Probe } from './cases.js';
import { type Example, exampleNode, exampleValues } from './example.js';

/** Largest difference from the reference, as a share of its largest number. */
const tolerances: Readonly<Record<ElementType, number>> = {
  float: 1e-4,
  double: 1e-4,
  float16: 1e-2,
  bfloat16: 6e-2,
};

type Values = Readonly<Record<string, readonly number[]>>;

/**
 * Computes every example of a probe with the runtime's kernel on a device, and with flatmin's standard operators in float32 on the CPU.
 * @returns how they differ; nothing where they agree
 * @throws what ONNX Runtime throws where it has no such kernel
 */
export async function runProbe(
  runtime: Runtime,
  { examples, type }: Probe,
  options: NativeSessionOptions,
): Promise<string | undefined> {
  for (const example of examples) {
    const values = Object.fromEntries(
      Object.entries(example.inputs).map(([name, input]) => {
        const numbers = exampleValues(name, input);
        const whole = input.type === 'int32' || input.type === 'int64';
        return [name, whole ? numbers : rounded(numbers, type)];
      }),
    );
    const found = await compute(runtime, example, type, values, options, (graph) => graph);
    const expected = await compute(runtime, example, 'float', values, {}, (graph, types) =>
      lower(graph, types, standard),
    );
    for (const [name, reference] of expected) {
      if (example.free?.includes(name)) continue;
      const error = relativeError(found.get(name)!, reference);
      if (!(error <= tolerances[type]))
        return `${name} is off by ${error.toPrecision(2)} of its largest number`;
    }
  }
  return undefined;
}

async function compute(
  runtime: Runtime,
  example: Example,
  type: ElementType,
  values: Values,
  options: NativeSessionOptions,
  form: (graph: Graph, types: ReturnType<typeof exampleNode>['types']) => Graph,
): Promise<Map<string, number[]>> {
  const { node, types } = exampleNode(example, type);
  const model = makeModel(form(isolate([node], types), types), { [microsoft]: 1 });
  const session = await Session.create(runtime, model, {
    ...options,
    intraOpThreads: options.intraOpThreads ?? 1,
  });
  try {
    const feeds = Object.fromEntries(
      Object.entries(values).map(([name, numbers]) => [name, tensor(types.get(name)!, numbers)]),
    );
    const results = await session.run(feeds);
    return new Map([...results].map(([name, result]) => [name, numbersOf(result)]));
  } finally {
    session.dispose();
  }
}

function tensor(
  { type, dims }: { type: number; dims: readonly number[] },
  numbers: readonly number[],
): HostTensor {
  if (type === DataType.int64) return { type, dims, data: int64Data(numbers) };
  const data = type === DataType.int32 ? Int32Array.from(numbers) : encodeFloats(type, numbers);
  return { type, dims, data };
}

const numbersOf = ({ type, data }: HostTensor): number[] =>
  Array.from(isHalfPrecision(type) ? decodeHalf(type, data as Uint16Array) : (data as Float32Array));

/** What the elements of a type hold of numbers, all of them floats. */
function rounded(numbers: readonly number[], type: ElementType): number[] {
  const id = type === 'double' ? DataType.float : DataType[type];
  return numbersOf({ type: id, dims: [numbers.length], data: encodeFloats(id, numbers) });
}

function relativeError(found: readonly number[], expected: readonly number[]): number {
  const largest = Math.max(1e-6, ...expected.map(Math.abs));
  const differences = expected.map((value, index) => Math.abs(found[index]! - value));
  return differences.some(Number.isNaN) ? Number.NaN : Math.max(0, ...differences) / largest;
}
