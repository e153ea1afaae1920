import type { ScaleReport } from '../../../bench/scale/results.js';
import { mebibytes, NONE, percent, table } from './text.js';

/** One row a configuration. */
export function scaleText({ results }: ScaleReport): string {
  const modes = [...new Set(results.flatMap(({ torch = [] }) => torch.map(({ peer }) => peer)))];
  const head = ['model', 'optimizer', 'threads', 'batch', 's/step', 'images/s', 'efficiency', 'peak memory'];
  const rows = results.map((one) => [
    one.model,
    one.optimizer,
    one.threads === null ? 'all' : String(one.threads),
    String(one.batch),
    one.secondsPerStep === null ? NONE : one.secondsPerStep.toPrecision(4),
    one.imagesPerSecond === null ? NONE : one.imagesPerSecond.toFixed(1),
    one.efficiency === null ? NONE : percent(one.efficiency),
    one.peakRssBytes === null ? NONE : mebibytes(one.peakDeviceBytes ?? one.peakRssBytes),
    ...modes.map((mode) => {
      const peer = one.torch?.find((timing) => timing.peer === mode);
      return peer && one.secondsPerStep !== null
        ? `${(peer.secondsPerStep / one.secondsPerStep).toFixed(2)} ×`
        : NONE;
    }),
  ]);
  const failures = results.flatMap(({ failure, model, batch }) =>
    failure === undefined ? [] : [`${model}, batch ${batch}: ${failure}`],
  );
  return [
    table([...head, ...modes.map((mode) => `PyTorch ${mode}`)], rows, 2),
    'Efficiency: images a second and thread, over those of the first row of the same model and optimizer.',
    ...failures,
  ].join('\n');
}
