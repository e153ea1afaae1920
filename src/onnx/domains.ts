import type { Node } from './proto.js';

/** The domain of ONNX Runtime's contributed and training operators. */
export const microsoft = 'com.microsoft';
/** The domain of flatmin's own kernels. */
export const flatminDomain = 'flatmin';
/** The domain of training ops that no runtime has a kernel of: lowering leaves none of them. */
export const trainingDomain = 'flatmin.training';

export const isStandardDomain = (domain: string | undefined): boolean => !domain || domain === 'ai.onnx';

/** 'Conv', 'com.microsoft:ConvGrad': an operator by which tables are keyed. */
export const opKey = ({ domain, opType }: Pick<Node, 'domain' | 'opType'>): string =>
  isStandardDomain(domain) ? opType : `${domain}:${opType}`;
