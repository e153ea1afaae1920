import type { ModelView } from '../../autodiff/prepare/session-model.js';
import type { Classified } from '../../autodiff/roles/classify.js';
import type { Decisions } from '../../autodiff/roles/decisions.js';
import type { EndKind } from '../../losses/ends/find-end.js';
import type { Loss } from '../../losses/loss.js';
import type { Runtime } from '../../ort/library.js';
import type { GraphOptions } from '../build-graph.js';
import type { Layout } from '../image-layout.js';

/** How training would take the model. */
export interface InspectOptions
  extends ModelView,
    Pick<GraphOptions, 'outputAsIs' | 'batch' | 'dims' | 'train' | 'alsoTrain' | 'freeze' | 'batchNorm'> {
  /** Default: the mean of the output. */
  loss?: Loss | undefined;
  /** Default: the ONNX Runtime that npm installed. */
  runtime?: Runtime | undefined;
}

/** A value of a model, as the file declares it. */
export interface InspectedValue {
  /** As in the file. */
  readonly name: string;
  /** 'float', 'int64', …; 'sequence' and the like for what is no tensor. */
  readonly type: string;
  /** Sizes, and symbols of open dimensions; null where not even the rank is stated. */
  readonly shape: readonly (number | string)[] | null;
}

/** An initializer, and what it is to training. */
export interface InspectedTensor extends InspectedValue {
  readonly shape: readonly number[];
  /** Its elements. */
  readonly count: number;
  /** What it is to training. */
  readonly kind: Classified['kind'];
  /** Why it is a parameter, or none. */
  readonly reason: string;
  /** Nodes that read it, or views of it. */
  readonly uses: number;
  /** The file does not say what it is; the kind is the likelier one. */
  readonly unsure: boolean;
  /** The tensor of the file that it is split from: an exporter had merged equal ones. */
  readonly splitFrom?: string;
}

/** A node that keeps gradients from parameters. */
export interface Blocker {
  /** Its name, or else that of its first output. */
  readonly node: string;
  /** Its operator, with its domain where that is not ONNX's. */
  readonly op: string;
  /** What is wrong, and what to do. */
  readonly message: string;
}

/** The softmax or the like that the output is. */
export interface InspectedEnd {
  /** The name of the output. */
  readonly output: string;
  /** What it is. */
  readonly kind: EndKind;
  /** 'a softmax (Softmax "head")' */
  readonly what: string;
  /** What it is taken of: the logits, which losses take in its stead; null where it is of no one value. */
  readonly input: string | null;
}

/** How an input of four axes has its channels. */
export interface InspectedLayout {
  /** The name of the input. */
  readonly input: string;
  /** null where nothing tells it. */
  readonly layout: Layout | null;
  /** What tells it. */
  readonly why: string;
}

/** Whether a model can be trained with one set of kernels. */
export interface TargetReport {
  /** Whether nothing stands in the way. */
  readonly trainable: boolean;
  /** What stands in the way. */
  readonly blockers: readonly Blocker[];
}

/** What training would find in a model. */
export interface Inspection {
  /** The name of its graph. */
  readonly model: string;
  /** Version of ONNX's operators that it uses. */
  readonly opset: number;
  /**
   * Whether it has parameters that can be trained with flatmin's kernels, on the ONNX Runtime that npm installs. False also where it is not
   * known: see `note`.
   */
  readonly trainable: boolean;
  /** What keeps the whole model from being trained, whatever the runtime. */
  readonly problem: string | null;
  /** Why nodes were only looked up in the table of gradients: the sizes taken for open dimensions do not fit the model. */
  readonly note: string | null;
  /** What becomes of floating-point values that are not float32 in the file; null where there are none. */
  readonly ownTypes: string | null;
  /** What was decided of the tensors, a sentence each: merged ones that are split, ties that stay or are lost, what the file does not say. */
  readonly decisions: Readonly<Record<keyof Decisions, string | null>>;
  /** The name of the loss that was asked for. */
  readonly loss: string;
  /** What has been decided about the model that the user should know. */
  readonly remarks: readonly string[];
  /** null where the output is none that losses know. */
  readonly end: InspectedEnd | null;
  /** Of the first input of images; null where there is none. */
  readonly layout: InspectedLayout | null;
  /** Exported in training form. */
  readonly trainingForm: boolean;
  /** Those of the model that a batch has to hold. */
  readonly inputs: readonly InspectedValue[];
  /** Of the model, as the file declares them. */
  readonly outputs: readonly InspectedValue[];
  /** Sizes that were taken for open dimensions. */
  readonly sizes: Readonly<Record<string, number>>;
  /** What is trained. */
  readonly parameters: readonly InspectedTensor[];
  /** Statistics, constants and frozen weights. */
  readonly buffers: readonly InspectedTensor[];
  /** Their elements. */
  readonly parameterCount: number;
  /** Number of nodes by operator, those in bodies included. */
  readonly ops: Readonly<Record<string, number>>;
  /**
   * 'flatmin': with its own kernels. 'standard': in operators of ONNX alone. 'training': on a training build of ONNX Runtime. Empty where
   * `problem` keeps the model from being looked at.
   */
  readonly targets: Readonly<Record<string, TargetReport>>;
}
