/** The optimizers that the paper compares. */
export const OPTIMIZERS = [
  { name: 'sgd', label: 'SGD', settings: { optimizer: 'sgd' } },
  { name: 'rand-sam', label: 'Rand-SAM', settings: { optimizer: 'rand-sam' } },
  { name: 'sam', label: 'SAM', settings: { optimizer: 'sam' } },
] as const;

/** Every choice with every optimizer. */
export function crossed(
  choices: readonly { name: string; label: string; settings: Record<string, unknown> }[],
) {
  return choices.flatMap((choice) =>
    OPTIMIZERS.map((optimizer) => ({
      name: `${choice.name}-${optimizer.name}`,
      label: `${choice.label}, ${optimizer.label}`,
      settings: { ...choice.settings, ...optimizer.settings },
    })),
  );
}
