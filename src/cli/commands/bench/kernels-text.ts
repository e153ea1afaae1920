import type { OpForms } from '../../../bench/kernels/forms.js';
import type { KernelReport, StepKernel } from '../../../bench/kernels/kernels.js';
import { NONE, percent, table } from './text.js';

/** The roofline table, what the machine can do, and forms where they were timed. */
export function kernelText(report: KernelReport, top: number): string {
  const { kernels, rest, limits, forms, secondsPerStep, timed } = report;
  const shown = kernels.slice(0, top);
  const others = kernels.slice(top);
  const head = [
    'op',
    'inputs',
    'calls',
    'ms/step',
    'share',
    'GFLOP',
    'MB',
    'GFLOP/s',
    'GB/s',
    'FLOP/B',
    'limit',
    'of it',
  ];
  const blank = Array(head.length - 5).fill('');
  const sum = (of: (one: StepKernel) => number) => others.reduce((total, one) => total + of(one), 0);
  const milliseconds = (seconds: number) => (1000 * seconds).toFixed(2);
  const rows = shown.map((one) => [
    one.op,
    inputsText(one),
    plain(one.count),
    milliseconds(one.seconds),
    percent(one.share),
    one.flop === null ? NONE : (one.flop / 1e9).toFixed(3),
    (one.bytes / 1e6).toFixed(2),
    one.flopPerSecond === null ? NONE : (one.flopPerSecond / 1e9).toFixed(1),
    (one.bytesPerSecond / 1e9).toFixed(1),
    one.intensity === null ? NONE : one.intensity.toFixed(1),
    one.limit ?? NONE,
    one.efficiency === null ? NONE : percent(one.efficiency),
  ]);
  if (others.length > 0)
    rows.push([
      ...[`${others.length} others`, '', plain(sum(({ count }) => count))],
      ...[milliseconds(sum(({ seconds }) => seconds)), percent(sum(({ share }) => share)), ...blank],
    ]);
  if (rest)
    rows.push(['rest of the step', '', '', milliseconds(rest.seconds), percent(rest.share), ...blank]);
  return [
    table(head, rows, 2),
    `Step ${milliseconds(secondsPerStep)} ms. The device at its best: ${(limits.flopPerSecond / 1e9).toFixed(0)} GFLOP/s, ${(limits.bytesPerSecond / 1e9).toFixed(1)} GB/s. GFLOP and MB are of one call; GFLOP of the direct method, so that others can pass 100 %.`,
    ...(timed === 'models'
      ? ['The times are of models of one op: this runtime does not time kernels on the GPU.']
      : []),
    ...(forms ? [formsTable(forms)] : []),
  ].join('\n');
}

function formsTable(forms: readonly OpForms[]): string {
  const kinds = ['flatmin', 'training', 'standard'] as const;
  const rows = forms.map(({ op, inputs, count, forms: own }) => [
    op,
    short(inputs),
    String(count),
    ...kinds.map((kind) => {
      const found = own.filter(({ form }) => form === kind);
      const cells = found.map(
        ({ seconds, chosen, fastest }) =>
          `${seconds === null ? 'refused' : (1000 * seconds).toFixed(3)}${chosen ? ' ←' : ''}${fastest ? ' *' : ''}`,
      );
      return cells.join(', ') || NONE;
    }),
    own.some(({ chosen, fastest }) => chosen && fastest) ? 'yes' : 'no',
  ]);
  const head = [
    'op of the training graph',
    'inputs',
    'nodes',
    ...kinds.map((kind) => `${kind}, ms`),
    'fastest taken',
  ];
  return [
    table(head, rows, 2),
    '← is what the session has, * the fastest, within 3 %; best runs, each form alone in a model of one op.',
  ].join('\n');
}

/** The first three shapes, of float without its name, but for those of one axis or none where there are others. */
function short(shapes: readonly string[]): string {
  const large = shapes.filter((shape) => shape.includes('×'));
  const shown = large.length > 0 ? large : shapes;
  return shown
    .slice(0, 3)
    .map((shape) => shape.replace(/^float /, ''))
    .join(' · ');
}
const inputsText = ({ inputs, op }: StepKernel): string =>
  op === 'vector program' ? inputs.join() : short(inputs);
const plain = (count: number): string => String(Math.round(100 * count) / 100);
