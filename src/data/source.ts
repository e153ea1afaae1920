import { invalid } from '../errors.js';
import { checkedValue } from '../options/option.js';
import { count, countOrZero } from '../options/values.js';
import type { Normalization } from './images/normalization.js';
import { Purpose, type RandomGenerator, randomStream, shuffledIndices } from './random.js';

/** Element types of a batch's arrays, as ONNX names them. */
export type FieldType = 'float' | 'double' | 'int64' | 'int32' | 'uint8' | 'bool';

/** An array of the elements of a field. */
export type FieldArray = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;

/** What a step reads: arrays of B samples each, one behind the other, by the names of fields. */
export type Batch = Readonly<Record<string, FieldArray>>;

/** Class labels, 0 … count − 1. */
export interface Classes {
  /** How many there are. */
  readonly count: number;
  /** By label. */
  readonly names: readonly string[];
  /** Where the largest label was found first, for people, such as its file and row; absent where it has a name. */
  readonly largestAt?: string;
  /** Whether a model may have more classes than the data, as vocabularies are filled up. */
  readonly isPartial?: boolean;
  /** A label that stands for none: where it is, there is no loss. */
  readonly ignoreIndex?: number;
}

/** One array of a batch. */
export interface Field {
  /** What batches call it. */
  readonly name: string;
  /** Of its elements. */
  readonly type: FieldType;
  /** Of one sample. */
  readonly dims: readonly number[];
  /** Pixels, as channels × height × width: a model that takes channels last is given them so. */
  readonly isImage?: boolean;
  /** Elements are integers from 0 to below this. */
  readonly below?: number;
  /** Of targets that are class labels, or (floats of dims [count]) shares of classes that sum to 1. */
  readonly classes?: Classes;
}

/**
 * How a thread makes batches of a part: plain data that can be posted to it. All but `maker` is the maker's own.
 */
export interface BatchRecipe {
  /** A kind that flatmin has, or the URL (file:…) of a module whose `maker(recipe)` gives a `Maker`. */
  readonly maker: string;
}

/** Makes batches in whatever thread. What a batch holds depends on the recipe, the epoch and the indices alone. */
export interface Maker {
  /**
   * The samples at these indices, in this order, in buffers of their own.
   * @param keys what is random in each sample depends on, where an epoch may have a sample more than once; default: its index
   * @throws FlatminError INVALID_DATA for a sample that is damaged
   */
  make(epoch: number, indices: Int32Array, keys?: ArrayLike<number>): Batch | Promise<Batch>;
}

/** What a recipe is asked for. */
export interface RecipeUse {
  /** Of what is random in a sample. */
  readonly seed: number;
  /** Whether samples are changed at random, as in training. */
  readonly augment: boolean;
}

/** Numbers of a target of some samples, those of one sample behind the other. */
export interface TargetRows {
  /** Row by row. */
  readonly values: ArrayLike<number | bigint>;
  /** How many samples; all have as many values. */
  readonly samples: number;
}

/** The samples that are trained on, or those that are tested on. */
export interface SourcePart {
  /** How many there are. */
  readonly size: number;
  /** How batches of them are made. */
  recipe(use: RecipeUse): BatchRecipe;
  /** The file of a sample, relative to the folder of the data. Default: samples have none of their own. */
  fileOf?(index: number): string;
  /**
   * Indices of an epoch's samples in random order, where any order would be slow to read. Default: any order.
   * @param drawn the indices, ascending, where they are not each once
   */
  order?(random: RandomGenerator, drawn?: Int32Array): Int32Array;
  /**
   * A target of all samples in their order, without their inputs: what class weights and balanced sampling are told by. Labels where shares of
   * classes are made of them. Absent: it is not known before batches are made.
   */
  targets?(field: string): AsyncIterable<TargetRows>;
}

/** A data set as batches: which arrays they hold, and how any thread makes them. */
export interface Source {
  /** For people. */
  readonly name: string;
  /** What a model reads. */
  readonly inputs: readonly Field[];
  /** What a loss compares with. */
  readonly targets: readonly Field[];
  /** What is trained on. */
  readonly train: SourcePart;
  /** What is tested on; may be empty. */
  readonly test: SourcePart;
  /** (x / scale − mean) / std for each channel of images, or each column of the inputs. */
  readonly normalization?: Readonly<{ scale: number } & Normalization>;
  /** What was decided that the user should know. */
  readonly notes: readonly string[];
  /**
   * The same for a model of so many classes, where the labels of all samples are not known beforehand: a batch with another label is
   * refused by the file that has it. Absent: the labels of targets are below `classes.count`.
   */
  within?(classes: number): Source;
  /** The samples at these indices, in this order, as parts of their own; a part that is left out stays whole. */
  take(indices: { readonly train?: Int32Array; readonly test?: Int32Array }): Source;
}

/** Numbers of samples to keep; what is absent is kept whole. */
export interface PartSizes {
  /** Of the training part. */
  readonly train?: number | undefined;
  /** Of the test part. */
  readonly test?: number | undefined;
  /** Default 0. */
  readonly seed?: number;
}

/**
 * A random part of a source, drawn without replacement from `seed`.
 * @throws FlatminError INVALID_ARGUMENT for more samples than there are
 */
export function sampled(source: Source, { train, test, seed = 0 }: PartSizes): Source {
  checkedValue('seed', countOrZero, seed);
  const draw = (part: 'train' | 'test', wanted: number | undefined, stream: number) => {
    const { size } = source[part];
    if (wanted === undefined || wanted === size) return {};
    if (wanted > size) throw invalid(part, `at most ${size}, the ${part} samples of ${source.name}`, wanted);
    const order = shuffledIndices(size, randomStream(Purpose.subset, seed, stream));
    return { [part]: order.subarray(0, wanted) };
  };
  if (train !== undefined) checkedValue('train', count, train);
  if (test !== undefined) checkedValue('test', countOrZero, test);
  const indices = { ...draw('train', train, 0), ...draw('test', test, 1) };
  return Object.keys(indices).length === 0 ? source : source.take(indices);
}
