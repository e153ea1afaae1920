import { makeAttribute } from '../../../src/onnx/attributes.js';
import { emptyGraph, valueInfo } from '../../../src/onnx/builder.js';
import type { ModelProto, Node } from '../../../src/onnx/proto.js';
import { DataType, int64Data, makeTensor } from '../../../src/onnx/tensors/tensor.js';
import type { Draw } from '../draw.js';

/** Nodes of a chain. */
const LENGTHS = [50, 1000, 10_000];
/** Levels of bodies in bodies: more than 33 are too deep for the format's library. */
const LEVELS = [5, 15, 30];

const node = (
  opType: string,
  input: string[],
  output: string,
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
): Node => ({
  opType,
  name: '',
  input,
  output: [output],
  attribute: Object.entries(attributes).map(([name, given]) => makeAttribute(name, given)),
});

/** Ops that leave their input's shape as it is, or would. `shape` and `weight` are initializers. */
const LINKS: Readonly<Record<string, (input: string, output: string) => Node[]>> = {
  Identity: (input, output) => [node('Identity', [input], output)],
  Relu: (input, output) => [node('Relu', [input], output)],
  Cast: (input, output) => [node('Cast', [input], output, { to: DataType.float })],
  Transpose: (input, output) => [node('Transpose', [input], output)],
  Reshape: (input, output) => [node('Reshape', [input, 'chain/shape'], output, { allowzero: 0 })],
  'Shape and Reshape': (input, output) => [
    node('Shape', [input], `${output}/shape`),
    node('Reshape', [input, `${output}/shape`], output),
  ],
  'Add of a weight': (input, output) => [node('Add', [input, 'chain/weight'], output)],
  'Mul of weights': (input, output) => [
    node('Mul', ['chain/weight', 'chain/weight'], `${output}/product`),
    node('Mul', [input, `${output}/product`], output),
  ],
  'Add to itself': (input, output) => [node('Add', [input, input], output)],
  Dropout: (input, output) => [node('Dropout', [input], output)],
  Softmax: (input, output) => [node('Softmax', [input], output, { axis: -1 })],
  Concat: (input, output) => [node('Concat', [input], output, { axis: 0 })],
  Squeeze: (input, output) => [
    node('Unsqueeze', [input, 'chain/axes'], `${output}/one`),
    node('Squeeze', [`${output}/one`, 'chain/axes'], output),
  ],
};

/** Puts a long chain of one op behind a value of the graph. */
export function addChain(draw: Draw, { graph }: ModelProto): void {
  const places = graph.node.flatMap(({ input }, index) =>
    input.flatMap((name, position) => (name === '' ? [] : [{ index, position, name }])),
  );
  if (places.length === 0) return;
  const { index, position, name } = draw.pick(places);
  const link = draw.pick(Object.values(LINKS));
  const count = draw.pick(LENGTHS);
  const made: Node[] = [];
  let last = name;
  for (let step = 0; step < count; step++) made.push(...link(last, (last = `chain/${step}`)));
  graph.initializer.push(
    makeTensor('chain/shape', 'int64', [2], int64Data([0, -1])),
    makeTensor('chain/axes', 'int64', [1], int64Data([0])),
    makeTensor('chain/weight', 'float', [1], Float32Array.of(0.5)),
  );
  graph.node[index]!.input[position] = last;
  graph.node.splice(index, 0, ...made);
}

/** Puts the graph's last node into the branches of an If, that one into another, and so on. */
export function addNesting(draw: Draw, { graph }: ModelProto): void {
  const inner = graph.node.at(-1);
  if (!inner || inner.output.length === 0) return;
  const condition = draw.chance(0.5) ? 'nest/known' : 'nest/input';
  let nodes: Node[] = [inner];
  for (let level = draw.pick(LEVELS); level > 0; level--) {
    const result = nodes.at(-1)!.output[0]!;
    const body = { ...emptyGraph(`level ${level}`), node: nodes };
    body.output.push(valueInfo(result, 'float'));
    const other = {
      ...emptyGraph(`other ${level}`),
      node: [node('Identity', ['nest/value'], `other/${level}`)],
    };
    other.output.push(valueInfo(`other/${level}`, 'float'));
    const branches = draw.chance(0.5) ? [body, other] : [other, body];
    nodes = [
      {
        ...node('If', [condition], level === 1 ? result : `nest/${level}`),
        attribute: ['then_branch', 'else_branch'].map((name, index) => ({
          name,
          type: 5,
          g: branches[index]!,
        })),
      },
    ];
  }
  graph.initializer.push(
    makeTensor('nest/known', 'bool', [], Uint8Array.of(1)),
    makeTensor('nest/value', 'float', [1], Float32Array.of(0.5)),
  );
  if (condition === 'nest/input') graph.input.push(valueInfo('nest/input', 'bool', []));
  graph.node.splice(-1, 1, ...nodes);
}

/** Makes a local function of a node, which calls itself, or the next of a row of functions. */
export function addFunctions(draw: Draw, model: ModelProto): void {
  const called = draw.pick(model.graph.node);
  if (!called) return;
  const count = draw.pick([1, 20, 400]);
  const isEndless = draw.chance(0.3);
  const [input, output] = [called.input.map((_, i) => `in${i}`), called.output.map((_, i) => `out${i}`)];
  const call = (index: number): Node => ({ ...node(`F${index}`, input, ''), output, domain: 'fuzz' });
  for (let index = 0; index < count; index++) {
    const isLast = index === count - 1;
    const body: Node = isLast && !isEndless ? { ...called, input, output } : call(isLast ? 0 : index + 1);
    model.functions.push({
      name: `F${index}`,
      domain: 'fuzz',
      input,
      output,
      attribute: [],
      attributeProto: [],
      // Twice: as many calls as a doubling gives, where bodies are written out.
      node: draw.chance(0.1) ? [{ ...body, output: output.map((name) => `${name}/unread`) }, body] : [body],
      opsetImport: [...model.opsetImport],
    });
  }
  Object.assign(called, { opType: 'F0', domain: 'fuzz', attribute: [] });
  model.opsetImport.push({ domain: 'fuzz', version: 1 });
}
