/** Release of onnxruntime-node that the tables are of. */
export const STOCK_VERSION = '1.30.0';

/** Release of ONNX Runtime that the training build is of. */
export const TRAINING_VERSION = '1.28.0';
