import type { Graph, ModelProto, Node, Tensor } from '../../src/onnx/proto.js';
import { encodeFloats } from '../../src/onnx/tensors/floats.js';
import { elementCount, tensorDims } from '../../src/onnx/tensors/tensor.js';
import { RandomStream } from '../gradcheck/random.js';

/** Draws the numbers of tensors that scripts/corpus/strip.py emptied, in place. */
export function fillRandom(model: ModelProto): ModelProto {
  const graphs: Graph[] = [model.graph];
  const fillNodes = (nodes: readonly Node[]) => {
    for (const { attribute } of nodes) {
      for (const { t, g, graphs: several = [] } of attribute) {
        if (t) fill(t);
        if (g) graphs.push(g);
        graphs.push(...several);
      }
    }
  };
  for (const { node } of model.functions) fillNodes(node);
  for (const graph of graphs) {
    graph.initializer.forEach(fill);
    fillNodes(graph.node);
  }
  return model;
}

function fill(tensor: Tensor): void {
  if (!tensor.externalData?.length) return;
  const given = Object.fromEntries(tensor.externalData.map(({ key = '', value = '' }) => [key, value]));
  const stream = new RandomStream(given.seed!);
  const values = stream
    .normals(elementCount(tensorDims(tensor)))
    .map((value) => Number(given.mean) + Number(given.deviation) * value);
  const drawn = given.positive === '1' ? values.map((value) => Math.abs(value) + 1e-6) : values;
  const data = encodeFloats(tensor.dataType!, drawn);
  tensor.rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  tensor.externalData = [];
  tensor.dataLocation = 0;
}
