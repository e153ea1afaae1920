import test from 'ava';
import { layerBlocks } from '../../../src/compile/layer-blocks.js';
import { mlp } from '../../../src/models/mlp.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { readModel } from '../../../src/onnx/model.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';

const names = (model: ModelProto) => layerBlocks(model).map(({ name }) => name);

/** A chain of products and sums with the parameters of these names; a name that ends in 'bias' or 'scale' is a vector. */
function chain(parameters: readonly string[], nodeName: (parameter: string) => string = (name) => name) {
  const builder = new GraphBuilder();
  let x = builder.input('x', 'float', ['n', 4]);
  for (const name of parameters) {
    const isVector = /(bias|scale)$/.test(name);
    const dims = isVector ? [4] : [4, 4];
    const values = Float32Array.from({ length: isVector ? 4 : 16 }, (_, i) => Math.sin(i + name.length));
    const tensor = builder.initializer(makeTensor(name, 'float', dims, values));
    x = builder.op(isVector ? 'Add' : 'MatMul', [x, tensor], {}, { name: nodeName(name) });
  }
  builder.output(x, 'float', ['n', 4]);
  return makeModel(builder.graph);
}

test('what is numbered is a block, with stem and head around', (t) => {
  const model = chain([
    ...['embed.weight', 'embed.norm.bias'],
    ...['net.blocks.0.fc1.weight', 'net.blocks.0.fc1.bias', 'net.blocks.0.fc2.weight'],
    ...['between.weight', 'net.blocks.1.fc1.weight', 'net.blocks.10.fc1.weight'],
    ...['norm.bias', 'head.weight', 'head.bias'],
  ]);
  t.deepEqual(layerBlocks(model), [
    { name: 'embed, embed.norm', parameters: ['embed.weight', 'embed.norm.bias'] },
    {
      name: 'net.blocks.0',
      parameters: [
        'net.blocks.0.fc1.weight',
        'net.blocks.0.fc1.bias',
        'net.blocks.0.fc2.weight',
        'between.weight',
      ],
    },
    { name: 'net.blocks.1', parameters: ['net.blocks.1.fc1.weight'] },
    { name: 'net.blocks.10', parameters: ['net.blocks.10.fc1.weight'] },
    { name: 'norm, head', parameters: ['norm.bias', 'head.weight', 'head.bias'] },
  ]);
});

test('a number in a number is a finer block, a numbered layer is none, and a version is no list', (t) => {
  t.deepEqual(
    names(
      chain([
        ...['dinov2.conv1.weight', 'dinov2.layer1.0.conv1.weight', 'dinov2.layer1.0.conv2.weight'],
        ...['dinov2.layer1.1.conv1.weight', 'dinov2.layer2.0.conv1.weight', 'dinov2.fc.weight'],
      ]),
    ),
    ['conv1', 'layer1.0', 'layer1.1', 'layer2.0', 'fc'].map((name) => `dinov2.${name}`),
  );
  t.deepEqual(
    names(chain(['layers.0.blocks.0.a.weight', 'layers.0.blocks.1.a.weight', 'layers.1.blocks.0.a.weight'])),
    ['layers.0.blocks.0', 'layers.0.blocks.1', 'layers.1.blocks.0'],
  );
});

test('without numbers each layer is a block, in the order of the graph', (t) => {
  t.deepEqual(names(mlp({ inputShape: [4], hidden: [5, 6], classes: 3 })), ['layer1', 'layer2', 'layer3']);
  t.deepEqual(layerBlocks(chain(['b.weight', 'b.bias', 'norm.scale', 'a.weight'])), [
    { name: 'b', parameters: ['b.weight', 'b.bias', 'norm.scale'] },
    { name: 'a', parameters: ['a.weight'] },
  ]);
});

test('names that an exporter lost are those of the modules', (t) => {
  const scopes: Record<string, string> = {
    'onnx::MatMul_1': '/layers.0/fc/MatMul',
    'onnx::MatMul_2': '/layers.1/fc/MatMul',
    'onnx::MatMul_3': '/head/MatMul',
  };
  const model = chain(Object.keys(scopes), (name) => scopes[name]!);
  t.deepEqual(names(model), ['layers.0', 'layers.1', 'head']);
});

test('only what is trained is listed', (t) => {
  const model = chain(['a.weight', 'b.weight', 'c.weight']);
  t.deepEqual(
    layerBlocks(model, ['c.weight', 'a.weight']).map(({ parameters }) => parameters),
    [['a.weight'], ['c.weight']],
  );
});

test('blocks of networks, and of the example', async (t) => {
  t.deepEqual(names(wideResNet({ depth: 16, width: 1 })), [
    'stem.conv',
    'stage1',
    'stage2',
    'stage3',
    'final.bn, classifier',
  ]);
  t.deepEqual(names(await readModel('examples/fine-tune-classifier/model.onnx')), [
    'stem.0',
    'layer1',
    'layer2',
    'fc',
  ]);
});
