import { opKey } from '../../onnx/domains.js';
import { opTable } from '../../onnx/op-table.js';
import type { Node } from '../../onnx/proto.js';
import { attentions } from './attention.js';
import type { Decomposition } from './context.js';
import { contrib } from './contrib.js';
import { einsum } from './einsum.js';
import { fused } from './fused.js';
import { geometry } from './geometry.js';
import { lpPooling } from './lp-pool.js';
import { normalization } from './normalization.js';
import { gru } from './recurrent/gru.js';
import { lstm } from './recurrent/lstm.js';
import { rnn } from './recurrent/rnn.js';
import { rotaryEmbedding } from './rotary.js';
import { reduces, scatters } from './scatter.js';

/** Whether a node is rewritten, by its op and attributes. */
export const isDecomposed = (node: Node): boolean => {
  const key = opKey(node);
  return key in decompositions && (key !== 'ScatterND' || reduces(node));
};

/** Op (or domain:op) → how differentiable standard ops compute it. */
export const decompositions = opTable<Decomposition>(
  attentions,
  contrib,
  fused,
  geometry,
  lpPooling,
  normalization,
  scatters,
  { Einsum: einsum, GRU: gru, LSTM: lstm, RNN: rnn, RotaryEmbedding: rotaryEmbedding },
);
