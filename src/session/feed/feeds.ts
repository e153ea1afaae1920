import type { TensorData } from '../../onnx/tensors/tensor.js';

/** Typed arrays by the name of the model's inputs, and of the loss's targets (`labels` for cross-entropy). */
export type Feeds = Readonly<Record<string, TensorData>>;
