import { defaultIrVersion } from '../../onnx/builder.js';
import { int64, type ModelProto } from '../../onnx/proto.js';
import { verifyModel, verifyNesting } from '../../onnx/verify.js';
import { Judge } from '../roles/judge/judge.js';
import type { TensorRole } from '../roles/judge/verdict.js';
import { describeLeftOut } from '../roles/left-out.js';
import { splitMerged } from '../roles/split.js';
import { findUntied, type Untied } from '../roles/untied.js';
import { uniqueBodies } from './bodies.js';
import type { InputConstants } from './fixed-inputs.js';
import { type NormalForm, normalForm } from './normal-form.js';
import { uniqueNodeNames } from './rename.js';
import { sortModel } from './sort-nodes.js';

/** A forward model in the one form that later stages read; it computes what the model it was made from does in evaluation. */
export interface PreparedModel extends Omit<NormalForm, 'infos'> {
  /** The model as it was given, but that each role of a tensor has a tensor of its own: what is saved. */
  readonly source: ModelProto;
  /** From each copy to the tensor of the file that it is split from. */
  readonly splits: ReadonlyMap<string, string>;
  /** Parameters that are one by their values, and several in the file. */
  readonly untied: readonly Untied[];
  /** What an exporter has folded into others or left out, a sentence each. */
  readonly leftOut: readonly string[];
  /** What each initializer of the file is. */
  readonly roles: ReadonlyMap<string, TensorRole>;
  /** Inputs that are constant in the session, and wait for the sizes of their open dimensions. */
  readonly constants?: InputConstants;
}

/**
 * Brings any forward model into the form that gradients are taken of: tensors that an exporter merged split, local functions inlined,
 * operator sets below 17 raised to it, half-precision and double values made float32, constants made initializers, transposes that move
 * nothing dropped, nodes in an order in which they can run, batch normalisation and dropout in evaluation form. The given model is not
 * changed.
 * @throws FlatminError INVALID_MODEL naming the node or value that is broken or of an old form without an equal
 */
export function prepareModel(given: ModelProto): PreparedModel {
  const what = `Model "${given.graph.name ?? ''}"`;
  verifyNesting(given, what);
  verifyModel(sortModel(given, what), what);
  const unique = { ...given, graph: uniqueBodies(given.graph) };
  const { model: source, splits, verdicts } = splitMerged(unique);
  const { infos, ...normal } = normalForm(source);
  const { graph } = normal.model;
  const irVersion = Math.max(int64(normal.model.irVersion), defaultIrVersion);
  const judge = new Judge(graph, normal.origins, { infos, ownTypes: normal.ownTypes });
  const owned = graph.initializer.filter(({ name }) => normal.origins.has(name ?? ''));
  const roles = new Map(
    owned.map((tensor) => {
      const name = tensor.name ?? '';
      const reading = judge.flow.uses(name).filter(({ role }) => role !== 'form');
      const nodes = new Set(reading.map(({ node }) => node)).size;
      return [name, { ...(verdicts.get(name) ?? judge.verdict(tensor)), nodes }];
    }),
  );
  const isParameter = (name: string) => roles.get(name)?.kind === 'parameter';
  return {
    ...normal,
    model: { ...normal.model, irVersion, graph: uniqueNodeNames(graph) },
    source,
    splits,
    untied: findUntied(graph, judge.flow, isParameter, splits),
    leftOut: describeLeftOut(given),
    roles,
  };
}
