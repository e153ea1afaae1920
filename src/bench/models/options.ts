import { z } from 'zod';
import { changed, type Given, option } from '../../options/option.js';
import { choice, count, flag, names, someOf, text } from '../../options/values.js';
import type { Runtime } from '../../ort/library.js';
import { executionOptions } from '../../run/execution.js';
import { measurementOptions } from '../options.js';
import { compareOptions } from '../torch/compare.js';

/** Those that model_step.py has too. */
export const PEER_OPTIMIZERS = ['sgd', 'sam', 'rand-sam'] as const;
/** Those that both sides have on the CPU. */
export const PEER_PRECISIONS = ['fp32', 'bf16'] as const;
/** Ways to run a module in PyTorch, as model_step.py names them. */
export const PEER_MODES = ['eager', 'channels_last', 'compile', 'compile_channels_last'] as const;

/** An optimizer that flatmin and PyTorch are compared with. */
export type PeerOptimizer = (typeof PEER_OPTIMIZERS)[number];
/** What both sides compute with. */
export type PeerPrecision = (typeof PEER_PRECISIONS)[number];
/** A way to run a module in PyTorch. */
export type PeerMode = (typeof PEER_MODES)[number];

const FILE = 'the path of a Python file';

export const modelsOptions = {
  /** Models that flatmin ships the makers of; where files are given, PyTorch's side of them. Default false. */
  zoo: option(flag, { help: 'the models that flatmin knows how to make in PyTorch', default: false }),
  /** A Python file whose get(name) makes the same models in PyTorch; without model files, its NAMES are exported. */
  torch: option(z.string(FILE).min(1, FILE).optional(), {
    symbol: 'file.py',
    help: 'get(name) in it gives (module, inputs, labels) in PyTorch',
    byDefault: 'no PyTorch',
  }),
  /** Names of models, those of files without .onnx; default: all. */
  models: option(names.optional(), { symbol: 'list', help: 'only these', byDefault: 'all' }),
  optimizers: option(someOf(choice(PEER_OPTIMIZERS), 'optimizers'), {
    symbol: 'list',
    help: `of ${PEER_OPTIMIZERS.join(', ')}`,
    default: ['sgd', 'sam'],
  }),
  precisions: option(someOf(choice(PEER_PRECISIONS), 'precisions'), {
    symbol: 'list',
    help: `of ${PEER_PRECISIONS.join(', ')}`,
    default: ['fp32', 'bf16'],
  }),
  modes: option(someOf(choice(PEER_MODES), 'modes'), {
    symbol: 'list',
    help: `of PyTorch: ${PEER_MODES.join(', ')}`,
    default: ['eager', 'channels_last', 'compile'],
  }),
  /** Samples in a random batch, for models without an .npz beside them; default 8. */
  batch: option(count, { symbol: 'n', help: 'samples, for models without an .npz beside them', default: 8 }),
  /** Sizes of other open dimensions of these, by symbol. */
  dims: option(z.record(text, count, 'sizes by symbol').optional(), {
    symbol: 'name=size',
    help: 'another open dimension of these; may be repeated',
  }),
  rounds: changed(compareOptions.rounds, { help: 'of all that is compared, in turn' }),
  python: compareOptions.python,
  steps: measurementOptions.steps,
  warmup: measurementOptions.warmup,
  threads: executionOptions.threads,
};

/** Which models are measured, and how. */
export interface ModelsOptions
  extends Omit<Given<typeof modelsOptions>, 'optimizers' | 'precisions' | 'modes'> {
  /** Default sgd, sam. */
  optimizers?: readonly PeerOptimizer[] | undefined;
  /** Default fp32, bf16. In PyTorch, bf16 is its autocast. */
  precisions?: readonly PeerPrecision[] | undefined;
  /** Of PyTorch; default eager, channels_last, compile. */
  modes?: readonly PeerMode[] | undefined;
  /** Default: the library of npm, and the training build where that is installed. */
  runtime?: Runtime | undefined;
  /** Folder for the report, written as it comes. */
  out?: string | undefined;
  /** Stops it with INTERRUPTED. */
  signal?: AbortSignal | undefined;
  /** Takes what is done next. */
  onProgress?: ((what: string) => void) | undefined;
}
