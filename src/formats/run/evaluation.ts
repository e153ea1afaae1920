import { z } from 'zod';
import { sealedJson } from '../digest.js';
import { checkedSealed, type ReadonlyDeep } from './checked.js';
import { count, listOf, number, numberOrNaN, numberOrNull, object, recordOf, text } from './fields.js';

const classSchema = object({
  precision: numberOrNull,
  recall: numberOrNull,
  f1: numberOrNull,
  iou: numberOrNull,
  /** Labels of the class. */
  support: count,
});

const detailsSchema = object({
  perClass: listOf(classSchema, 'a list of classes'),
  /** By label, then by prediction; absent where there are many classes. */
  confusion: listOf(listOf(number, 'a list of numbers'), 'a list of rows').optional(),
});

const evaluationSchema = object({
  /** Path of the model, or what it is called. */
  model: text,
  data: text,
  /** Of the data. */
  part: z.enum(['train', 'test'], "'train' or 'test'"),
  samples: count,
  /** The loss's name, and its mean. */
  lossName: text,
  loss: numberOrNaN,
  /** By name: src/metrics/registry.ts. */
  metrics: recordOf(numberOrNaN),
  /** By label. */
  classNames: listOf(text, 'a list of names').optional(),
  details: detailsSchema.optional(),
}).refine(
  ({ details }) =>
    details?.confusion === undefined ||
    (details.confusion.length === details.perClass.length &&
      details.confusion.every((row) => row.length === details.perClass.length)),
  { message: 'a square matrix of the classes', path: ['details', 'confusion'] },
);

/** How a model does on a part of the data: `evaluation.json` of a run, and what `flatmin evaluate --json` prints. */
export type EvaluationFile = ReadonlyDeep<z.output<typeof evaluationSchema>>;

/** @throws FlatminError INVALID_DATA naming the file and the field */
export const checkEvaluationFile = (content: unknown, path: string): EvaluationFile =>
  checkedSealed(evaluationSchema, content, path);

export const evaluationText = (evaluation: EvaluationFile): string => sealedJson(evaluation);
