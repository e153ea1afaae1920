import test from 'ava';
import { exampleNode } from '../../../src/capabilities/probe/example.js';
import * as examples from '../../../src/capabilities/probe/examples.js';
import { formsOf, isolate } from '../../../src/lowering/forms.js';
import { flatmin, standard, training } from '../../../src/lowering/targets.js';

const targets = [flatmin, training, standard];

test('a node has a form for each target that makes something else of it', (t) => {
  const convolution = exampleNode(examples.convGrad([2, 16, 8, 8], 16, { kernel: [3, 3] }), 'float');
  const forms = formsOf([convolution.node], convolution.types, targets);
  t.deepEqual(
    forms.map(({ target }) => target.name),
    ['flatmin', 'training', 'standard'],
  );
  const relu = exampleNode(examples.elementwise('ReluGrad', [2, 3]), 'float');
  t.deepEqual(
    formsOf([relu.node], relu.types, targets).map(({ target }) => target.name),
    ['flatmin', 'training'],
    'flatmin has no kernel of it: its form is the standard one',
  );
});

test('nodes on their own have static inputs and outputs, and keep their constants', (t) => {
  const { node, types } = exampleNode(examples.layerNormGrad('LayerNormalizationGrad', [2, 3]), 'float');
  const scale = { name: 'scale', dataType: 1, dims: [3], rawData: new Uint8Array(12) };
  const next = { ...node, opType: 'Neg', domain: '', input: ['dx'], output: ['negated'], attribute: [] };
  types.set('negated', types.get('dx')!);
  const graph = isolate([node, next], types, [scale, { ...scale, name: 'other' }]);
  t.deepEqual(
    graph.input.map(({ name }) => name),
    ['dy', 'x', 'mean', 'inverse'],
  );
  t.deepEqual(
    graph.output.map(({ name }) => name),
    ['dscale', 'dbias', 'negated'],
  );
  t.deepEqual(graph.initializer, [scale]);
});
