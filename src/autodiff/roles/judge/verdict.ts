import type { Node } from '../../../onnx/proto.js';
import type { Origin } from '../../prepare/fold-sources.js';
import type { NameKind } from '../names.js';
import type { Use } from '../uses.js';

/** What a tensor is, and why. */
export interface Verdict {
  readonly kind: 'parameter' | 'statistic' | 'constant';
  readonly reason: string;
  /** The file does not say; the kind is the likelier one. */
  readonly unsure?: boolean;
}

/** What a tensor of the file is. */
export interface TensorRole extends Verdict {
  /** Nodes that read its values, or those of views of it. */
  readonly nodes: number;
}

export const parameter = (reason: string): Verdict => ({ kind: 'parameter', reason });
export const constant = (reason: string): Verdict => ({ kind: 'constant', reason });
export const unsure = (verdict: Verdict): Verdict => ({ ...verdict, unsure: true });
export const unsureIf = (is: boolean, verdict: Verdict): Verdict => (is ? unsure(verdict) : verdict);

/** A floating-point tensor and what is evident of it alone. */
export interface TensorEvidence {
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: Float32Array | Float64Array;
  readonly origin: Origin;
  readonly half: boolean;
  readonly named: NameKind;
  readonly uses: readonly Use[];
}

/** What an addition or a multiplication has before anything was learned. */
export const neutralOf = ({ opType }: Node): number => (opType === 'Mul' || opType === 'Div' ? 1 : 0);

/** Functions that keep a learned value in bounds: of constants, they would have been computed beforehand. */
export const REPARAMETRISING = new Set(['Exp', 'Sigmoid', 'Softplus', 'Tanh']);

export const RECURRENT = new Set(['LSTM', 'GRU', 'RNN']);
