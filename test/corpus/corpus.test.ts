import test from 'ava';
import type { Graph, ModelProto } from '../../src/onnx/proto.js';
import { elementCount, tensorData, tensorDims } from '../../src/onnx/tensors/tensor.js';
import { corpusSources, readCorpus, type TrueTensor, type TrueUse } from './corpus.js';

test('there are rows of every source', (t) => {
  t.deepEqual(corpusSources(), [
    'blocks',
    'keras',
    'paddle',
    'sklearn',
    'timm',
    'torchvision',
    'transformers',
  ]);
});

for (const source of corpusSources()) {
  test(`${source}: the truth is about tensors and operands that the files have, and all data are there`, (t) => {
    const wrong: string[] = [];
    for (const { model, form, weights, tensors, load } of readCorpus(source)) {
      const loaded = load();
      const check = (right: boolean, what: string) =>
        right || wrong.push(`${model}/${form}-${weights}: ${what}`);
      for (const tensor of loaded.graph.initializer)
        check(tensorData(tensor).length === elementCount(tensorDims(tensor)), `data of ${tensor.name}`);
      for (const tensor of tensors) {
        if (!inFunction(tensor)) check(hasShape(loaded, tensor), `shape of ${tensor.name}`);
        for (const use of tensor.uses)
          check(
            inFunction(use) || operand(loaded, use) === tensor.name,
            `${tensor.name}, ${JSON.stringify(use)}`,
          );
      }
    }
    t.deepEqual(wrong, []);
  });
}

function hasShape(model: ModelProto, { name, origin, graph, shape }: TrueTensor): boolean {
  if (origin === 'constant') return true;
  const held = graphAt(model, graph).initializer.find((each) => each.name === name);
  return held !== undefined && String(tensorDims(held)) === String(shape);
}

const inFunction = ({ graph = '' }: { graph?: string }) => graph.startsWith('function ');

/** The name of the tensor that a use reads, Identity nodes looked through. */
function operand(model: ModelProto, { graph, node, slot }: TrueUse): string | undefined {
  const inside = graphAt(model, graph);
  let name = node < 0 ? inside.output[slot]!.name : inside.node[node]!.input[slot];
  const graphs = enclosing(model, graph);
  for (;;) {
    const by = graphs.flatMap((each) => each.node).find(({ output }) => output.includes(name ?? ''));
    if (by?.opType !== 'Identity') return name;
    name = by.input[0];
  }
}

const graphAt = (model: ModelProto, path = ''): Graph => enclosing(model, path).at(-1)!;

/** The graph at a path and those around it, from the main one inwards. */
function enclosing(model: ModelProto, path = ''): Graph[] {
  const found = [model.graph];
  for (const step of path.split('/').filter(Boolean)) {
    const [, node, name, nth] = /^(\d+)\.([^[]+)(?:\[(\d+)\])?$/.exec(step)!;
    const attribute = found.at(-1)!.node[Number(node)]!.attribute.find((each) => each.name === name)!;
    found.push(nth === undefined ? attribute.g! : attribute.graphs![Number(nth)]!);
  }
  return found;
}
