import { invalid } from '../../errors.js';
import { checked } from '../../options/option.js';
import type { TrainSettings } from '../../settings/schema.js';
import { type BenchOptions, benchOptions } from '../options.js';

/** Settings that torch_step.py has no part of, with the values that leave them out. */
const NEUTRAL: Partial<Record<keyof TrainSettings, unknown>> = {
  ...{ base: 'sgd', shortcut: 'conv', every: 1, adaptive: false, ascentDecay: 0, decay: 'all' },
  ...{ clipNorm: null, labelSmoothing: 0 },
};

/**
 * The arguments of torch_step.py for the same training steps.
 * @throws FlatminError INVALID_ARGUMENT on a setting that the comparison does not have
 */
export function torchArguments(settings: TrainSettings, options: BenchOptions): string[] {
  const { model, optimizer, precision } = settings;
  const only = (name: string, expected: string, received: unknown) =>
    invalid(name, `${expected} for a comparison with PyTorch`, received);
  if (!/^wrn-\d+-\d+$/.test(model)) throw only('model', 'wrn-DEPTH-WIDTH', model);
  if (!['sgd', 'sam', 'rand-sam'].includes(optimizer))
    throw only('optimizer', 'sgd, sam or rand-sam', optimizer);
  for (const [name, value] of Object.entries(NEUTRAL)) {
    const received = settings[name as keyof TrainSettings];
    if (received !== undefined && received !== value) throw only(name, String(value), received);
  }
  if (optimizer === 'sam' && settings.radius !== undefined && settings.radius !== 'split')
    throw only('radius', 'split', settings.radius);
  const { inputShape, classes, device, steps, warmup, threads } = checked(benchOptions, options);
  const values = {
    ...{ model, batch: settings.batch, optimizer, precision, device, steps, warmup, classes },
    ...{ threads, input: inputShape.join('x') },
    ...{ lr: settings.lr, momentum: settings.momentum, 'weight-decay': settings.weightDecay },
    ...(optimizer !== 'sgd' && { rho: settings.rho }),
    ...(optimizer === 'sam' && { 'ascent-steps': settings.ascentSteps }),
  };
  return [
    ...Object.entries(values).flatMap(([name, value]) =>
      value === undefined ? [] : [`--${name}`, String(value)],
    ),
    ...(settings.nesterov ? ['--nesterov'] : []),
  ];
}

/** A way to run the model in PyTorch. */
export interface TorchMode {
  readonly name: string;
  /** Of its products; those of the settings, or others beside them. */
  readonly precision: string;
}

/** The modes that are compared: three in the settings' precision; on a GPU in fp32 the faster precisions too. */
export function torchModes({ precision }: TrainSettings, device = 'cpu'): TorchMode[] {
  const modes = ['eager', 'channels_last', 'compile'].map((name): TorchMode => ({ name, precision }));
  if (device === 'cpu' || precision !== 'fp32') return modes;
  return [...modes, { name: 'tf32', precision: 'tf32' }, { name: 'amp', precision: 'fp16' }];
}
