import type { Node } from './proto.js';

/** The domain of ONNX Runtime's contributed and training operators. */
export const microsoft = 'com.microsoft';
/** The domain of flatmin's own kernels. */
export const flatminDomain = 'flatmin';

/** 'Conv', 'com.microsoft:ConvGrad': an operator by which tables are keyed. */
export const opKey = ({ domain, opType }: Pick<Node, 'domain' | 'opType'>): string =>
  domain && domain !== 'ai.onnx' ? `${domain}:${opType}` : opType;
