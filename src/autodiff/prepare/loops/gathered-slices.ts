import { intAttribute } from '../../../onnx/attributes.js';
import { opKey } from '../../../onnx/domains.js';
import type { Node, Tensor, ValueInfo } from '../../../onnx/proto.js';
import type { Scanned } from '../../../onnx/scan.js';
import { definedIn } from '../../../onnx/subgraphs.js';
import { int64Data, makeTensor, tensorData } from '../../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../../onnx/value-types.js';
import { type Fresh, leading, oneInput, type Steps, toFront, transpose } from './loop-steps.js';

/** Ops that hand one number on. */
const SAME_NUMBER = ['Cast', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze'];

/**
 * Takes an outside value that a body gathers from at the number of its step, upwards or downwards, as slices of it: the gradient of a
 * gather is as large as the whole value, in every step.
 * @param types of the values of the graph and the body
 */
export function slicesOfGathers(steps: Steps, types: ValueTypes, fresh: Fresh): Steps {
  const { body, inputs, states } = steps.parts;
  const own = definedIn(body);
  const makers = new Map(body.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const constants = new Map(steps.initializers.map((tensor) => [tensor.name!, tensor]));
  const before: Node[] = [];
  const initializers: Tensor[] = [];
  const added: { input: ValueInfo; array: Scanned }[] = [];
  const constant = (values: readonly number[]): string => {
    const name = fresh('gathered');
    initializers.push(makeTensor(name, 'int64', [values.length], int64Data(values)));
    return name;
  };

  /** The numbers of the steps that a value of the body goes through. */
  const numbers = (name: string): number[] | undefined => {
    const maker = makers.get(name);
    if (maker) return SAME_NUMBER.includes(opKey(maker)) ? numbers(maker.input[0]!) : undefined;
    const at = body.input.findIndex((input) => input.name === name) - states.length;
    const tensor = inputs[at] && constants.get(inputs[at].name);
    const found = tensor && Array.from(tensorData(tensor) as ArrayLike<number | bigint>, Number);
    return found?.length === steps.count ? found : undefined;
  };

  const node = body.node.map((each): Node => {
    const [source = '', index = ''] = each.input;
    const type = types.get(source);
    const indexDims = types.get(index)?.dims;
    if (opKey(each) !== 'Gather' || own.has(source) || !type || !indexDims || indexDims.length > 1)
      return each;
    const rank = type.dims.length;
    const axis = (intAttribute(each, 'axis', 0) + rank) % rank;
    const run = straightRun(numbers(index), type.dims[axis]!);
    if (!run) return each;
    let name = source;
    if (run.end - run.start < type.dims[axis]!) {
      const output = fresh(`${source}_part`);
      const input = [name, constant([run.start]), constant([run.end]), constant([axis])];
      before.push({ opType: 'Slice', name: output, input, output: [output], attribute: [] });
      name = output;
    }
    if (axis > 0) {
      const output = fresh(`${source}_steps`);
      before.push(transpose(name, output, toFront(axis, rank)));
      name = output;
    }
    const slice = fresh(`${source}_step`);
    const dims = type.dims.toSpliced(axis, 1);
    types.set(slice, { type: type.type, dims });
    added.push({ input: { name: slice }, array: leading(name, run.isDown) });
    if (indexDims.length === 0) return oneInput('Identity', slice, each.output[0]!);
    const input = [slice, constant([axis])];
    return { ...each, opType: 'Unsqueeze', input, attribute: [] };
  });
  if (added.length === 0) return steps;
  return {
    ...steps,
    parts: {
      ...steps.parts,
      body: { ...body, node, input: [...body.input, ...added.map(({ input }) => input)] },
      inputs: [...inputs, ...added.map(({ array }) => array)],
    },
    before: [...steps.before, ...before],
    initializers: [...steps.initializers, ...initializers],
  };
}

/** Where numbers that go up or down by one start and end on an axis of a size. */
function straightRun(numbers: readonly number[] | undefined, size: number) {
  if (!numbers) return undefined;
  const first = numbers[0]!;
  const isDown = numbers.length > 1 && numbers[1]! < first;
  const sign = isDown ? -1 : 1;
  if (!numbers.every((number, at) => number === first + sign * at)) return undefined;
  const last = numbers.at(-1)!;
  const [start, end] = [Math.min(first, last), Math.max(first, last) + 1];
  return start >= 0 && end <= size ? { start, end, isDown } : undefined;
}
