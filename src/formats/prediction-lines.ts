/** What is written of one sample: plain JSON. */
interface Prediction {
  readonly index: number;
  readonly file?: string;
  readonly label?: number;
  readonly name?: string;
  readonly predicted?: readonly {
    readonly class: number;
    readonly name?: string;
    readonly probability: number;
  }[];
  readonly values?: readonly number[];
  readonly targets?: readonly number[];
  readonly places?: {
    readonly shape: readonly number[];
    readonly labels: readonly (number | null)[];
    readonly predicted: readonly number[];
    readonly probabilities: readonly number[];
  };
  readonly labels?: readonly number[];
  readonly outputs?: Readonly<Record<string, readonly number[]>>;
  readonly otherTargets?: Readonly<Record<string, readonly number[]>>;
}

/** The forms of a file of predictions, by the end of its name. */
export const PREDICTION_FORMS = ['.csv', '.jsonl'] as const;
export type PredictionForm = (typeof PREDICTION_FORMS)[number];

/** Undefined for a name that ends in neither. */
export const predictionForm = (path: string): PredictionForm | undefined =>
  PREDICTION_FORMS.find((end) => path.toLowerCase().endsWith(end));

/** The lines of predictions, each with its end; of CSV with the names of the columns before the first (RFC 4180, but for its line ends), and a line for each place where a sample has many. */
export function predictionLines(
  form: PredictionForm,
  classNames: readonly string[] = [],
): (predictions: readonly Prediction[]) => string {
  if (form === '.jsonl')
    return (predictions) =>
      predictions.map(({ places, ...each }) => `${JSON.stringify({ ...each, ...places })}\n`).join('');
  let hasHead = false;
  return (predictions) => {
    const rows = predictions.flatMap((each) => (each.places ? placeRows(each, classNames) : [cells(each)]));
    const head = hasHead || rows.length === 0 ? [] : [rows[0]!.map(([name]) => name)];
    hasHead ||= rows.length > 0;
    return [...head, ...rows.map((row) => row.map(([, value]) => value))]
      .map((row) => `${row.map(quoted).join(',')}\n`)
      .join('');
  };
}

type Cell = readonly [column: string, value: string | number];

/** Columns: index, file, label, label_name, predicted, predicted_name, probability, predicted_2, …; or index, value_1, …, target_1, …; or index, labels; then output_NAME, or output_NAME_1, …, of each further output, and target_NAME, … of targets that the loss does not read. */
function cells({
  index,
  file,
  label,
  name,
  predicted = [],
  values = [],
  targets = [],
  labels,
  outputs,
  otherTargets,
}: Prediction): Cell[] {
  return [
    ['index', index],
    ...(file === undefined ? [] : [['file', file] as const]),
    ...(label === undefined ? [] : [['label', label] as const]),
    ...(name === undefined ? [] : [['label_name', name] as const]),
    ...predicted.flatMap((each, rank): Cell[] => {
      const end = rank === 0 ? '' : `_${rank + 1}`;
      return [
        [`predicted${end}`, each.class],
        ...(each.name === undefined ? [] : [[`predicted_name${end}`, each.name] as const]),
        [`probability${end}`, each.probability],
      ];
    }),
    ...values.map((value, at): Cell => [`value_${at + 1}`, value]),
    ...targets.map((target, at): Cell => [`target_${at + 1}`, target]),
    ...(labels ? [['labels', labels.join(' ')] as const] : []),
    ...further('output', outputs),
    ...further('target', otherTargets),
  ];
}

/** A column for each number of values that have names. */
const further = (what: string, values: Readonly<Record<string, readonly number[]>> = {}): Cell[] =>
  Object.entries(values).flatMap(([name, numbers]) =>
    numbers.map(
      (value, at): Cell => [numbers.length === 1 ? `${what}_${name}` : `${what}_${name}_${at + 1}`, value],
    ),
  );

/** Columns: index, position or row and column (axis_1, … of more), label, label_name, predicted, predicted_name, probability. */
function placeRows({ index, places }: Prediction, names: readonly string[]): Cell[][] {
  const { shape, labels, predicted, probabilities } = places!;
  const axes =
    shape.length === 1
      ? ['position']
      : shape.length === 2
        ? ['row', 'column']
        : shape.map((_, axis) => `axis_${axis + 1}`);
  const named = (column: string, label: number | null): Cell[] =>
    names.length === 0 ? [] : [[column, label === null ? '' : (names[label] ?? '')]];
  return predicted.map((found, place) => {
    let rest = place;
    const at = shape.map(() => 0);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at[axis] = rest % shape[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    const label = labels[place]!;
    return [
      ['index', index],
      ...axes.map((name, axis): Cell => [name, at[axis]!]),
      ['label', label ?? ''],
      ...named('label_name', label),
      ['predicted', found],
      ...named('predicted_name', found),
      ['probability', probabilities[place]!],
    ];
  });
}

const quoted = (value: string | number): string =>
  typeof value === 'string' && /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : String(value);
