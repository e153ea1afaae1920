import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import { blocksOf, type LayerBlock } from '../compile/layer-blocks.js';
import { FlatminError } from '../errors.js';
import { findHead, replaceHead } from '../models/head/replace-head.js';
import type { ModelProto } from '../onnx/proto.js';
import type { Schedule } from '../optim/schedules/learning-rate.js';
import { parameterGroups } from '../settings/group-spec.js';
import { type TrainSettings, viewOf } from '../settings/schema.js';
import type { GroupOptions, ParameterGroup } from '../vectors/parameter-space.js';

/** A model as a run trains it, and what was done to it. */
export interface TunedModel {
  readonly model: ModelProto;
  readonly notes: readonly string[];
}

/** The model with the last layer that the settings ask for. @throws FlatminError INVALID_MODEL where it cannot be replaced */
export function withNewHead(
  model: ModelProto,
  { head, seed, output }: Pick<TrainSettings, 'head' | 'seed' | 'output'>,
): TunedModel {
  if (head === undefined) return { model, notes: [] };
  const { model: made, note } = replaceHead(model, { classes: head, seed, output });
  return { model: made, notes: [note] };
}

/** Of linear probing: what is trained. */
const probed = (parameters: readonly string[]): string =>
  `Only the last layer is trained (${parameters.join(', ')}); running statistics stay.`;

/** How a run takes its model: of linear probing, the last layer is all that is trained. @throws FlatminError INVALID_ARGUMENT, INVALID_MODEL */
export function runView(
  settings: TrainSettings,
  prepared: Pick<PreparedModel, 'source'>,
): ReturnType<typeof viewOf> {
  const view = viewOf(settings);
  if (!settings.headOnly) return view;
  const other = (['train', 'alsoTrain', 'freeze', 'layerDecay', 'unfreezeEvery'] as const).find(
    (name) => settings[name] !== undefined,
  );
  if (other)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `"headOnly" trains the last layer alone: leave "${other}" out.`,
    );
  const { parameters } = findHead(prepared.source, settings.output);
  return { ...view, train: parameters.map(exactly) };
}

const exactly = (name: string): RegExp => new RegExp(`^${name.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')}$`);

/** What the groups of a run are made of. */
export interface GroupContext {
  readonly prepared: PreparedModel;
  /** Names of those that are trained. */
  readonly parameters: readonly string[];
  /** Of the run. */
  readonly schedule: Schedule;
  readonly stepsPerEpoch: number;
}

/**
 * The groups of the settings, at the run's schedule; with layer-wise rates or gradual unfreezing, each block of the model in each of them.
 * @throws FlatminError INVALID_ARGUMENT for an expression that is none, or that no parameter matches
 */
export function runGroups(
  settings: TrainSettings,
  { prepared, parameters, schedule, stepsPerEpoch }: GroupContext,
): { groups: ParameterGroup[]; notes: string[] } {
  const { layerDecay, unfreezeEvery, headOnly } = settings;
  const own = parameterGroups(settings.groups, parameters).map((group) => ({
    ...group,
    // The schedule scales a group's own rate as it scales the others'.
    ...(typeof group.lr === 'number' && { lr: scaled(schedule, group.lr / settings.lr) }),
  }));
  if (layerDecay === undefined && unfreezeEvery === undefined)
    return { groups: own, notes: headOnly ? [probed(parameters)] : [] };
  const blocks = blocksOf(prepared, parameters).toReversed();
  const everything = { parameters: /(?:)/, lr: schedule } satisfies ParameterGroup;
  const groups = [...own, everything].flatMap((group) =>
    blocks.map((block, depth): ParameterGroup => {
      const inBlock = new Set(block.parameters);
      const options: GroupOptions = {
        ...group,
        ...(layerDecay !== undefined && { lr: scaled(group.lr ?? schedule, layerDecay ** depth) }),
        ...(unfreezeEvery !== undefined && { from: Math.round(depth * unfreezeEvery * stepsPerEpoch) }),
      };
      return { ...options, parameters: (name) => group.parameters.test(name) && inBlock.has(name) };
    }),
  );
  return { groups, notes: [describe(settings, blocks)] };
}

const scaled =
  (schedule: number | Schedule, factor: number): Schedule =>
  (step) =>
    factor * (typeof schedule === 'number' ? schedule : schedule(step));

/** The blocks from the output, each with its rate and the epoch that it is trained from. */
function describe(
  { layerDecay, unfreezeEvery, epochs }: TrainSettings,
  blocks: readonly LayerBlock[],
): string {
  const parts = blocks.map(({ name }, depth) => {
    const rate = layerDecay === undefined ? [] : [`× ${Number((layerDecay ** depth).toPrecision(3))}`];
    const at = (unfreezeEvery ?? 0) * depth;
    const from =
      unfreezeEvery === undefined
        ? []
        : [at < epochs ? `from epoch ${Number((at + 1).toFixed(2))}` : 'never'];
    return `${name} ${[...rate, ...from].join(' ')}`;
  });
  const what = [
    layerDecay === undefined ? [] : ['the learning rate'],
    unfreezeEvery === undefined ? [] : ['the epoch that it is trained from'],
  ].flat();
  return `Blocks from the output, with ${what.join(' and ')}: ${parts.join('; ')}.`;
}
