import type { Classified } from './classify.js';
import type { Untied } from './untied.js';

/** Names that a line has room for. */
const LISTED = 8;

const listed = (names: readonly string[]): string =>
  names.slice(0, LISTED).join(', ') + (names.length > LISTED ? ` and ${names.length - LISTED} more` : '');

const plural = (count: number, one: string, many: string): string => (count === 1 ? one : many);

/** What was decided of a model's tensors that the user should know, a sentence each. */
export interface Decisions {
  /** Merged tensors that are several again. */
  readonly split: string | undefined;
  /** Parameters that several nodes share. */
  readonly tied: string | undefined;
  /** Parameters that are one by their values, and several in the file. */
  readonly untied: string | undefined;
  /** Tensors of which the file does not say what they are. */
  readonly unsure: string | undefined;
}

type Decided = Pick<Classified, 'name' | 'kind' | 'uses' | 'unsure'>;

/**
 * @param splits from each copy to the tensor of the file that it is split from
 * @param untied what findUntied finds
 */
export function describeDecisions(
  tensors: readonly Decided[],
  splits: ReadonlyMap<string, string>,
  untied: readonly Untied[] = [],
): Decisions {
  const present = new Set(tensors.map(({ name }) => name));
  const copies = [...splits].filter(([copy]) => present.has(copy));
  const merged = new Set(copies.map(([, tensor]) => tensor));
  const tied = tensors.filter(({ kind, uses }) => kind === 'parameter' && uses > 1);
  const trained = new Set(tensors.flatMap(({ name, kind }) => (kind === 'parameter' ? [name] : [])));
  const apart = untied.filter(({ names }) => names.every((name) => trained.has(name)));
  const unsure = tensors.filter((each) => each.unsure);
  return {
    split:
      merged.size > 0
        ? `Split: ${listed([...merged])} ${plural(merged.size, 'was', 'were')} each one tensor for several that had been merged; now ${plural(merged.size, 'it is', 'they are')} ${merged.size + copies.length}.`
        : undefined,
    tied:
      tied.length > 0
        ? `Tied: ${listed(tied.map(({ name, uses }) => `${name} (${uses} nodes)`))}.`
        : undefined,
    untied: apart.length > 0 ? `Untied: ${describeUntied(apart)}.` : undefined,
    unsure:
      unsure.length > 0
        ? `Unsure: ${listed(unsure.map(({ name, kind }) => `${name} (taken for a ${kind})`))}; the file does not say: --train-also and --freeze (alsoTrain, freeze) decide.`
        : undefined,
  };
}

/** Modules may begin as copies of each other, but none begins as another's transpose. */
function describeUntied(untied: readonly Untied[]): string {
  const [mirrored, equal] = [true, false].map((transposed) =>
    untied.filter((each) => each.transposed === transposed).map(({ names }) => names.join(' and ')),
  ) as [string[], string[]];
  const ties = ({ length }: readonly string[]) => plural(length, 'a tie', 'ties');
  return [
    mirrored.length > 0
      ? `${listed(mirrored)} hold the same values (transposed): the exporter has taken ${ties(mirrored)} apart, they are trained apart`
      : [],
    equal.length > 0
      ? `${listed(equal)} hold the same values: if they were one, the exporter has taken ${ties(equal)} apart; they are trained apart`
      : [],
  ]
    .flat()
    .join('; ');
}
