import { intAttribute } from '../../../onnx/attributes.js';
import { isCeilMode, readWindow, windowAttributes } from '../../../onnx/shapes/window.js';
import { DataType } from '../../../onnx/tensors/tensor.js';
import type { Rule, RuleContext } from '../../rule.js';
import { inFloat32 } from '../tensors.js';

const spatialDims = (c: RuleContext): readonly number[] => c.dims(c.input(0)).slice(2);

/** MaxPoolGrad scatters dY to the flat row-major positions that a MaxPool reports as its second output. */
const maxPool: Rule = (c) => {
  const attributes = {
    ...windowAttributes(readWindow(c.node, spatialDims(c))),
    ceil_mode: Number(isCeilMode(c.node)),
  };
  const positions = rowMajorPositions(c);
  return [
    spread(c, (dy, dx) => c.builder.ops('MaxPoolGrad', [dy, positions], attributes, { outputs: [dx] })),
  ];
};

/** A pooling's gradient dX, which is made in float32. */
const spread = (c: RuleContext, append: (dy: string, dx: string) => void): string =>
  inFloat32(c, c.dy, c.type(c.output()), (dy, type) => {
    const dx = c.describe(c.builder.fresh(`${c.input(0)}_grad`), { type, dims: c.dims(c.input(0)) });
    append(dy, dx);
    return dx;
  });

/** The node's own second output; where it counts positions column by column, that of the node once more. */
function rowMajorPositions(c: RuleContext): string {
  const type = { type: DataType.int64, dims: c.dims(c.output()) };
  if (intAttribute(c.node, 'storage_order', 0) === 1) {
    const attribute = c.node.attribute.filter(({ name }) => name !== 'storage_order');
    const again = c.builder.detached('MaxPool', c.node.input, {}, { count: 2 });
    c.builder.graph.node.push({ ...again, attribute });
    c.describe(again.output[0]!, c.type(c.output()));
    return c.describe(again.output[1]!, type);
  }
  if (c.output(1)) return c.output(1);
  c.node.output[1] = c.builder.fresh(`${c.output()}_indices`);
  return c.describe(c.output(1), type);
}

const averagePool: Rule = (c) => {
  const attributes = {
    ...windowAttributes(readWindow(c.node, spatialDims(c))),
    ceil_mode: Number(isCeilMode(c.node)),
    count_include_pad: intAttribute(c.node, 'count_include_pad', 0),
  };
  return [spread(c, (dy, dx) => c.builder.ops('AveragePoolGrad', [dy], attributes, { outputs: [dx] }))];
};

/** dY goes to the largest element of each channel, in equal shares where several are equal. */
const globalMaxPool: Rule = (c) => {
  const [x, y] = [c.input(0), c.output()];
  const hit = c.op('Cast', [c.op('Equal', [x, y])], { to: c.type(x).type });
  const ties = c.op('ReduceSum', [hit, c.builder.ints(spatialDims(c).map((_, axis) => axis + 2))], {
    keepdims: 1,
  });
  return [c.op('Mul', [hit, c.op('Div', [c.dy, ties])])];
};

/** dX = dY / (number of positions), the same at each. */
const globalAveragePool: Rule = (c) => {
  const positions = spatialDims(c).reduce((product, size) => product * size, 1);
  const share = c.op('Mul', [c.dy, c.scalar(1 / positions)]);
  return [c.op('Expand', [share, c.builder.ints(c.dims(c.input(0)))])];
};

/** MaxPoolGrad and AveragePoolGrad are training ops that ONNX Runtime keeps in the standard domain. */
export const pool: Record<string, Rule> = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
};
