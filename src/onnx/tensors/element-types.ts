import { DataType } from './tensor.js';

/** The element types that graphs are differentiated in. */
export const elementTypes = ['float', 'double', 'float16', 'bfloat16'] as const;
export type ElementType = (typeof elementTypes)[number];

/** The name of an ONNX element type; nothing for one that has no gradients. */
export const elementTypeOf = (type: number): ElementType | undefined =>
  elementTypes.find((name) => DataType[name] === type);
