import { type PreparedModel, prepareModel } from '../autodiff/prepare/prepare.js';
import { moduleOf } from '../autodiff/roles/modules.js';
import { ValueFlow } from '../autodiff/roles/uses.js';
import { append } from '../onnx/append.js';
import type { ModelProto, Node } from '../onnx/proto.js';
import { tensorDims } from '../onnx/tensors/tensor.js';

/** Neighbouring layers that fine-tuning treats as one. */
export interface LayerBlock {
  /** What the model calls it: 'layer4.1', 'blocks.11', or the modules in it. */
  readonly name: string;
  /** Names of its parameters, in the order in which the graph reads them. */
  readonly parameters: readonly string[];
}

/** A parameter, and where in the graph it is. */
interface Placed {
  readonly name: string;
  /** Of the node that reads it first. */
  readonly position: number;
  /** Its modules, the outermost first, and its own name. */
  readonly path: readonly string[];
  /** A weight, of two axes or more; biases and scales follow one. */
  readonly isWeight: boolean;
}

interface Draft {
  readonly name: string;
  readonly members: Placed[];
}

/**
 * The parameters of a model in blocks, from the input to the output, as layer-wise learning rates and gradual unfreezing take them.
 *
 * What the exporter's names number is a block: `blocks.3`, `encoder.layer.3`, `layer4.1` (a number in a number), `layers.2.blocks.5`,
 * `features.7`. What comes before the first of them (stem, embeddings) is one block, what comes behind the last (norm, head) another, and
 * what lies between joins the one before. Where fewer than two are numbered, each layer is a block. Biases and scales that stand alone,
 * as those of normalisations, join the block before. Names that exporters lost (`onnx::MatMul_12`) are those of the reading nodes' modules.
 * @param parameters names of those that are trained; default all that look learned
 * @throws FlatminError INVALID_MODEL naming the node or value that is broken
 */
export function layerBlocks(model: ModelProto, parameters?: readonly string[]): LayerBlock[] {
  const prepared = prepareModel(model);
  const learned = [...prepared.roles].filter(([, { kind }]) => kind === 'parameter');
  return blocksOf(prepared, parameters ?? learned.map(([name]) => name));
}

/** The same of a prepared model. */
export function blocksOf(
  { model }: Pick<PreparedModel, 'model'>,
  parameters: readonly string[],
): LayerBlock[] {
  const { graph } = model;
  const flow = new ValueFlow(graph);
  const positions = new Map(flow.nodes.map((node, index) => [node, index]));
  const dims = new Map(graph.initializer.map((tensor) => [tensor.name ?? '', tensorDims(tensor)]));
  const placed = parameters
    .map((name): Placed => {
      const readers = flow.uses(name).map(({ node }) => node);
      const first = readers.toSorted((a, b) => positions.get(a)! - positions.get(b)!)[0];
      return {
        name,
        position: first ? positions.get(first)! : -1,
        path: pathOf(name, first),
        isWeight: (dims.get(name) ?? []).length > 1,
      };
    })
    .sort((a, b) => a.position - b.position);
  const lists = listsIn(placed.map(({ path }) => path));
  const blockOf = ({ path }: Placed) => numberedPrefix(path, lists);
  const numbered = new Set(placed.flatMap((each) => blockOf(each) ?? []));
  const drafts = numbered.size > 1 ? byNumber(placed, blockOf) : byLayer(placed);
  return withoutLoneVectors(drafts).map(({ name, members }) => ({
    name,
    parameters: members.map((each) => each.name),
  }));
}

/** The modules that lead to a parameter, and its name. */
function pathOf(name: string, reader: Node | undefined): string[] {
  const isLost = name.includes('::') || !/[./]/.test(name);
  const scope = isLost && reader ? moduleOf(reader) : undefined;
  const whole = scope ? `${scope}.${name}` : name;
  const parts = whole.split(/[./]/).filter(Boolean);
  return parts.length > 1 || !reader ? parts : [reader.name || reader.output[0]!, ...parts];
}

const isNumber = (part: string | undefined): boolean => part !== undefined && /^\d+$/.test(part);

/** A place in a path whose number another path has otherwise: 'layer#' of layer1 and layer2. */
const template = (modules: readonly string[], at: number): string =>
  [...modules.slice(0, at), modules[at]!.replace(/\d+$/, '#')].join('.');

/** Templates of which there are several numbers: a version in a name, as dinov2, has no second. */
function listsIn(paths: readonly (readonly string[])[]): ReadonlySet<string> {
  const numbers = new Map<string, Set<string>>();
  for (const path of paths)
    for (const [at, part] of path.slice(0, -1).entries()) {
      if (!/\d$/.test(part)) continue;
      const key = template(path, at);
      numbers.set(key, (numbers.get(key) ?? new Set()).add(part));
    }
  return new Set([...numbers].flatMap(([key, { size }]) => (size > 1 ? [key] : [])));
}

/** The path up to what is numbered: 'layer4.1'. A layer that is numbered itself, as conv1, does not count, one of a list does. */
function numberedPrefix(path: readonly string[], lists: ReadonlySet<string>): string | undefined {
  const modules = path.slice(0, -1);
  const at = modules.findIndex(
    (part, index) =>
      (isNumber(part) || (/\d$/.test(part) && index < modules.length - 1)) &&
      lists.has(template(modules, index)),
  );
  if (at < 0) return undefined;
  let end = at + 1;
  if (isNumber(modules[end])) end++;
  else if (modules[end] === 'blocks' && isNumber(modules[end + 1])) end += 2;
  return modules.slice(0, end).join('.');
}

/** @param blockOf the numbered block that a parameter is in */
function byNumber(placed: readonly Placed[], blockOf: (each: Placed) => string | undefined): Draft[] {
  const blocks = new Map<string, Placed[]>();
  const others: Placed[] = [];
  for (const each of placed) {
    const key = blockOf(each);
    if (key === undefined) others.push(each);
    else append(blocks, key, each);
  }
  const drafts = [...blocks]
    .map(([name, members]) => ({ name, members, middle: median(members) }))
    .sort((a, b) => a.middle - b.middle);
  const last = Math.max(...drafts.flatMap(({ members }) => members.map(({ position }) => position)));
  const [stem, head]: [Placed[], Placed[]] = [[], []];
  for (const each of others) {
    const before = drafts.findLast(({ middle }) => middle <= each.position);
    if (!before) stem.push(each);
    else if (each.position > last) head.push(each);
    else before.members.push(each);
  }
  return [draftOf(stem), ...drafts, draftOf(head)].filter(({ members }) => members.length > 0);
}

/** A table of positions may be read long before the block that it is of. */
const median = (members: readonly Placed[]): number => members[members.length >> 1]!.position;

/** Each module with parameters of its own. */
function byLayer(placed: readonly Placed[]): Draft[] {
  const layers = new Map<string, Placed[]>();
  for (const each of placed) {
    const module = moduleName(each);
    append(layers, module, each);
  }
  return [...layers.values()].map(draftOf);
}

const moduleName = ({ path }: Placed): string => path.slice(0, -1).join('.');

const draftOf = (members: Placed[]): Draft => ({
  name: [...new Set(members.map(moduleName))].join(', '),
  members,
});

/** Blocks without a weight join the one before; at the beginning, the one behind. */
function withoutLoneVectors(drafts: readonly Draft[]): Draft[] {
  const joined: Draft[] = [];
  for (const draft of drafts) {
    const before = joined.at(-1);
    const isLone = !draft.members.some(({ isWeight }) => isWeight);
    const isAfterLone = before && !before.members.some(({ isWeight }) => isWeight);
    if (before && (isLone || isAfterLone))
      joined[joined.length - 1] = {
        name: isAfterLone ? draft.name : before.name,
        members: [...before.members, ...draft.members],
      };
    else joined.push(draft);
  }
  return joined;
}
