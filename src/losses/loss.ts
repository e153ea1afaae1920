import { FlatminError } from '../errors.js';
import type { GraphBuilder } from '../onnx/builder.js';
import { nearNames } from '../onnx/near-names.js';
import { DataType, type DataTypeName, dataTypeName } from '../onnx/tensors/tensor.js';
import type { Compared } from './compared.js';

/** A value that a loss is taken of. */
export interface LossValue {
  /** In the graph. */
  readonly name: string;
  /** ONNX element type. */
  readonly type: number;
  /** Sizes, and symbols of dimensions that are open. */
  readonly dims: readonly (number | string)[];
}

/** A graph input that a loss reads beside the model's outputs. */
export interface LossInput {
  /** Of the input, and of the array in a batch. */
  readonly name: string;
  /** Of class labels: how many classes there are, on which axis of the scores, and the label that is left out. */
  readonly labels?: {
    readonly classes: number | undefined;
    readonly axis: number;
    readonly ignoreIndex?: number | undefined;
    /** Of the classes, by which the loss is a weighted mean. */
    readonly weights?: readonly number[] | undefined;
    /** The scores, which are largest at the label. */
    readonly scores?: string | undefined;
  };
  /** Of lengths: the largest, and what they are the lengths of. */
  readonly lengths?: LengthsTarget | undefined;
}

/** Integers from 0 to `most`, one a sample. */
export interface LengthsTarget {
  /** The largest length. */
  readonly most: number;
  /** The rows of labels that they are the lengths of: classes but the blank, in an input of that name. */
  readonly labels?: {
    readonly name: string;
    readonly classes: number;
    readonly blank: number;
    /** Time steps that a row has to fit, or the name of the input that says so for each. */
    readonly steps: number | string;
    /** A row that does not fit is no error. */
    readonly mayExceed: boolean;
  };
}

/** What a scope knows of the model, and how losses take its outputs. */
export interface LossScopeOptions {
  /** Types of the graph's values, the inner ones too; default: those of the outputs alone. */
  values?: ReadonlyMap<string, Omit<LossValue, 'name'>> | undefined;
  /** Losses take outputs as they are, instead of logits behind a softmax or sigmoid. */
  asIs?: boolean | undefined;
}

/** Where a loss is put: a graph under construction, its outputs, and the inputs that losses have asked for. */
export class LossScope {
  /** What losses have asked for, in this order. */
  readonly inputs: LossInput[] = [];
  /** What losses compare, in this order: metrics are of the first. */
  readonly compared: Compared[] = [];
  /** What losses have decided that the user should know. */
  readonly notes: string[] = [];
  /** By output: the value that a loss took instead. */
  readonly taken = new Map<string, string>();
  /** Losses take outputs as they are, instead of logits behind a softmax or sigmoid. */
  readonly asIs: boolean;

  constructor(
    /** Appends nodes to the graph. */
    readonly builder: GraphBuilder,
    /** Of the model; the one that losses take by default first. */
    readonly outputs: readonly LossValue[],
    private readonly options: LossScopeOptions = {},
  ) {
    this.asIs = options.asIs ?? false;
  }

  /** An output of the model, or another value in it; without a name, the one that the user chose, else the first. */
  output(name?: string): LossValue {
    const found = name === undefined ? this.outputs[0] : this.find(name);
    if (!found) {
      const names = this.outputs.map((value) => value.name).join(', ');
      const near = nearNames(name ?? '', this.options.values?.keys() ?? []);
      throw new FlatminError(
        'INVALID_MODEL',
        `The model has no output "${name}"; its outputs are ${names}.${near.length > 0 ? ` Names like it: ${near.join(', ')}.` : ''}`,
      );
    }
    return found;
  }

  /** Any value of the model whose type is known. */
  find(name: string): LossValue | undefined {
    const inner = this.options.values?.get(name);
    return this.outputs.find((value) => value.name === name) ?? (inner && { name, ...inner });
  }

  /** Notes what a loss has decided. */
  tell(note: string): void {
    if (!this.notes.includes(note)) this.notes.push(note);
  }

  /** Says what metrics can be computed of; of class labels whose scores are named `target` says it. */
  compares(compared: Compared): void {
    this.compared.push(compared);
  }

  /** Adds a graph input for targets; its name is the hint where that is free. */
  target(
    hint: string,
    type: DataTypeName,
    dims: LossValue['dims'],
    labels?: LossInput['labels'],
    lengths?: LengthsTarget,
  ): string {
    const name = this.builder.input(this.builder.fresh(hint), type, dims);
    this.inputs.push({ name, ...(labels && { labels }), ...(lengths && { lengths }) });
    if (labels?.scores !== undefined) {
      const { scores, axis: classAxis, classes, ignoreIndex, weights } = labels;
      const rank = dims.length + 1;
      this.compares({
        kind: 'classes',
        scores,
        rank,
        targets: name,
        classAxis,
        classes,
        ignoreIndex,
        weights,
      });
    }
    return name;
  }

  /** The same graph, with other outputs for the losses inside. */
  of(output: LossValue, { asIs = this.asIs } = {}): LossScope {
    const scope = new LossScope(this.builder, [output, ...this.outputs], { ...this.options, asIs });
    const { inputs, notes, taken, compared } = this;
    return Object.assign(scope, { inputs, notes, taken, compared });
  }
}

/** A loss that can be put at the end of a model. */
export interface Loss {
  /** For people, and for records. */
  readonly name: string;
  /** Appends the loss. @returns the scalar value */
  append(scope: LossScope): string;
}

/** The element type of targets that are compared with a value. */
export const typeLike = ({ type }: LossValue): DataTypeName =>
  type === DataType.double ? 'double' : 'float';

/** Refuses values that a loss has no gradient of. @throws FlatminError INVALID_MODEL for what is neither float32 nor float64 */
export function requireFloat(loss: string, value: LossValue): void {
  if (value.type === DataType.float || value.type === DataType.double) return;
  throw new FlatminError(
    'INVALID_MODEL',
    `${loss} needs a float32 output, but "${value.name}" is of type ${dataTypeName(value.type)}: choose another output.`,
  );
}
