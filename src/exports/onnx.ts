/**
 * Models as data: reading, building, inspecting, differentiating, writing.
 * @module flatmin/onnx
 */
export type { Pattern } from '../autodiff/prepare/pattern.js';
export type { ModelView } from '../autodiff/prepare/session-model.js';
export type { SizeOptions } from '../autodiff/prepare/shapes.js';
export type { Classified, ClassifyOptions, Kind, Patterns } from '../autodiff/roles/classify.js';
export type { Decisions } from '../autodiff/roles/decisions.js';
export { type ExportForm, type ExportOptions, exportTrainingGraph } from '../compile/export.js';
export { inspectModel } from '../compile/inspect/inspect.js';
export type {
  Blocker,
  InspectedEnd,
  InspectedLayout,
  InspectedTensor,
  InspectedValue,
  Inspection,
  InspectOptions,
  TargetReport,
} from '../compile/inspect/inspection.js';
export { type LayerBlock, layerBlocks } from '../compile/layer-blocks.js';
export type { LossChoice } from '../compile/loss-model.js';
export type { DownloadProgress, HubOptions } from '../hub/options.js';
export type { EndKind } from '../losses/ends/find-end.js';
export {
  findHead,
  type Head,
  type ReplacedHead,
  type ReplaceHeadOptions,
  replaceHead,
} from '../models/head/replace-head.js';
export { type HubModel, hubModel } from '../models/hub-model.js';
export { type MlpOptions, mlp } from '../models/mlp.js';
export { type SmallCnnOptions, smallCnn } from '../models/small-cnn.js';
export { type WideResNetOptions, wideResNet } from '../models/wide-resnet.js';
export { type AttributeValue, FloatValue, float } from '../onnx/attributes.js';
export {
  type Attributes,
  type Dim,
  emptyGraph,
  GraphBuilder,
  makeModel,
  type NodeOptions,
  valueInfo,
} from '../onnx/builder.js';
export { readModel, writeModel } from '../onnx/model.js';
export type {
  Attribute,
  Dimension,
  FunctionProto,
  Graph,
  Int64,
  ModelProto,
  Node,
  OperatorSet,
  StringEntry,
  Tensor,
  TensorTypeInfo,
  TypeInfo,
  ValueInfo,
} from '../onnx/proto.js';
export {
  DataType,
  type DataTypeName,
  makeTensor,
  type TensorData,
  tensorData,
} from '../onnx/tensors/tensor.js';
