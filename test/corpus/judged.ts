import { type PreparedModel, prepareModel } from '../../src/autodiff/prepare/prepare.js';
import { subgraphs } from '../../src/autodiff/prepare/rename.js';
import { isWholeView } from '../../src/autodiff/roles/slots.js';
import type { Graph, Node } from '../../src/onnx/proto.js';
import type { CorpusRow, TrueUse } from './corpus.js';

/** Where what flatmin says of a use is not the truth. */
export interface Mistake {
  /** 'constant for parameter': what it says, for what it is; 'tied', 'untied': of two uses. */
  readonly what: string;
  readonly tensor: string;
  readonly of: readonly string[];
  readonly unsure: boolean;
}

/** What flatmin says of the tensors of a model, held against the truth. */
export interface Judged {
  /** Uses that are compared. */
  readonly uses: number;
  readonly mistakes: readonly Mistake[];
}

/** Ops that read no values of an operand, but its shape or type. */
const FORM = new Set(['Shape', 'Size', 'CastLike', 'EyeLike', 'RandomNormalLike', 'RandomUniformLike']);

/** Compares prepared models with the truth about uses in the main graph. What is no parameter counts as constant, statistics of BatchNormalization aside. */
export function judge(row: CorpusRow): Judged {
  const model = row.load();
  const prepared = prepareModel(model);
  const found = new Uses(prepared);
  const mistakes: Mistake[] = [];
  let uses = 0;
  const truths = new Map<string, Set<string>>();
  const copies = new Map<string, Set<string>>();
  for (const tensor of row.tensors) {
    if (tensor.graph) continue;
    for (const use of tensor.uses) {
      const node = use.node < 0 || use.graph ? undefined : model.graph.node[use.node];
      if (!node || use.role === 'unknown' || FORM.has(node.opType)) continue;
      const name = found.tensor(node, use);
      if (name === undefined) continue;
      uses++;
      const role = prepared.roles.get(name);
      const said = role?.kind ?? 'constant';
      const of = use.of ?? [];
      const truth = trueRole(use, node);
      if (said !== truth)
        mistakes.push({
          what: `${said} for ${truth}`,
          tensor: tensor.name,
          of,
          unsure: role?.unsure ?? false,
        });
      else if (said !== 'constant' && of.length > 0) {
        const known = [...of].sort().join(' + ');
        add(truths, name, known);
        add(copies, known, name);
      }
    }
  }
  for (const [name, of] of truths)
    if (of.size > 1) mistakes.push({ what: 'tied', tensor: name, of: [...of], unsure: false });
  for (const [of, names] of copies) {
    const tensors = [...names].map((name) => prepared.splits.get(name) ?? name);
    if (new Set(tensors).size < names.size)
      mistakes.push({ what: 'untied', tensor: tensors[0]!, of: [of], unsure: false });
  }
  return { uses, mistakes };
}

/** Statistics that no BatchNormalization moves are constants to training. */
const trueRole = ({ role }: TrueUse, node: Node): TrueUse['role'] =>
  role === 'statistic' && node.opType !== 'BatchNormalization' ? 'constant' : role;

function add(map: Map<string, Set<string>>, key: string, value: string): void {
  map.set(key, (map.get(key) ?? new Set()).add(value));
}

/** Finds the tensor that an operand is in the prepared model's source, by the name of its node's output. */
class Uses {
  private readonly makers = new Map<string, Node>();

  constructor(private readonly prepared: PreparedModel) {
    const collect = ({ node }: Graph) => {
      for (const each of node) {
        for (const name of each.output) this.makers.set(name, each);
        subgraphs(each).forEach(collect);
      }
    };
    collect(prepared.source.graph);
  }

  tensor(node: Node, { slot }: TrueUse): string | undefined {
    const own = this.makers.get(node.output.find(Boolean) ?? '');
    let name = own?.input[slot];
    while (name !== undefined && !this.prepared.roles.has(name)) {
      const view = this.makers.get(name);
      if (!view || !isWholeView(view, 0)) return name;
      name = view.input[0];
    }
    return name;
  }
}
