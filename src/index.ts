/**
 * What most programs need. The subpaths have more of one subject each: also what one's own parts are built with.
 * @module flatmin
 */
export type { CudaLibraries, DeviceBuffer } from './addon/types.js';
export type { ConstantValue, InputConstants } from './autodiff/prepare/fixed-inputs.js';
export { benchKernels, type KernelBenchOptions, type KernelReport } from './bench/kernels/kernels.js';
export { benchMemory, type MemoryBenchOptions, type MemoryReport } from './bench/memory/memory.js';
export type { BenchOptions } from './bench/options.js';
export type { ScaleReport } from './bench/scale/results.js';
export { benchScale, type ScaleOptions } from './bench/scale/scale.js';
export { type BenchReport, benchStep, type StepBenchOptions } from './bench/step.js';
export { type CompareOptions, compareTorch, type TorchComparison } from './bench/torch/compare.js';
export { type ExportForm, type ExportOptions, exportTrainingGraph } from './compile/export.js';
export type { Layout } from './compile/image-layout.js';
export { inspectModel } from './compile/inspect/inspect.js';
export type { Inspection, InspectOptions } from './compile/inspect/inspection.js';
export { type LayerBlock, layerBlocks } from './compile/layer-blocks.js';
export { PRECISIONS, type Precision } from './compile/precision.js';
export type { Recomputation } from './compile/recompute/recompute.js';
export * from './data/index.js';
export { type ErrorCode, FlatminError } from './errors.js';
export type { Job, PlanOptions } from './experiment/plan.js';
export {
  type ExperimentOptions,
  type ExperimentReport,
  type MissingJob,
  runExperiment,
} from './experiment/run-experiment.js';
export type { JobContext, JobEvent, RunJob, RunJobsOptions } from './experiment/run-jobs.js';
export type { ExperimentFile } from './experiment/schema.js';
export type { SharpnessSettings } from './experiment/sharpness-options.js';
export type { LandscapeFile } from './formats/landscape-file.js';
export type { ReadonlyDeep } from './formats/run/checked.js';
export type { EvaluationFile } from './formats/run/evaluation.js';
export type { JobOutcome } from './formats/run/job.js';
export type { ExperimentResults } from './formats/run/results.js';
export type { TrainSummary } from './formats/run/summary.js';
export type { Communicator } from './group/communicator.js';
export { joinGroup } from './group/join.js';
export { type HubDataset, type HubDatasetOptions, hubDataset } from './hub/dataset.js';
export type { DownloadProgress, HubOptions } from './hub/options.js';
export { type CrossEntropyOptions, crossEntropy } from './losses/cross-entropy.js';
export { type CtcOptions, ctc } from './losses/ctc.js';
export { graphLoss, type LossFunction, type LossTerm, outputLoss, weightedSum } from './losses/custom.js';
export type { Loss, LossScope, LossValue } from './losses/loss.js';
export {
  type NegativeLogLikelihoodOptions,
  negativeLogLikelihood,
} from './losses/negative-log-likelihood.js';
export {
  type BinaryCrossEntropyOptions,
  binaryCrossEntropy,
  type HuberOptions,
  huber,
  meanAbsoluteError,
  meanSquaredError,
  type TargetOptions,
} from './losses/regression.js';
export type { ClassDetails, ClassFigures } from './metrics/classes/details.js';
export type { Task, TaskKind } from './metrics/metric.js';
export {
  type ReplacedHead,
  type ReplaceHeadOptions,
  replaceHead,
} from './models/head/replace-head.js';
export { type HubModel, hubModel } from './models/hub-model.js';
export { type MlpOptions, mlp } from './models/mlp.js';
export { type SmallCnnOptions, smallCnn } from './models/small-cnn.js';
export { type WideResNetOptions, wideResNet } from './models/wide-resnet.js';
export { readModel, writeModel } from './onnx/model.js';
export type { ModelProto } from './onnx/proto.js';
export { AdamW, type AdamWOptions } from './optim/adamw.js';
export { ASAM, type ASAMOptions } from './optim/asam.js';
export { EMA, type EMAOptions, SWA, type SWAOptions, WeightAveraging } from './optim/averaging.js';
export { ESAM, type ESAMOptions } from './optim/esam.js';
export { FriendlySAM, type FriendlySAMOptions } from './optim/friendly-sam.js';
export { GSAM, type GSAMOptions } from './optim/gsam.js';
export { LookSAM, type LookSAMOptions } from './optim/look-sam.js';
export type { BaseOptimizer, Optimizer, Problem, Scheduled, StepReport } from './optim/optimizer.js';
export { RandSAM, type RandSAMOptions } from './optim/rand-sam.js';
export { SAM, type SAMOptions } from './optim/sam.js';
export {
  constant,
  cosine,
  oneCycle,
  type Schedule,
  stepDecay,
  withLinearWarmup,
} from './optim/schedules/learning-rate.js';
export { type RhoScheduleName, type RhoScheduleOptions, rhoSchedule } from './optim/schedules/radius.js';
export { SGD, type SGDOptions } from './optim/sgd.js';
export { openRuntime, type Runtime } from './ort/library.js';
export { makeReport, type ReportOptions } from './report/report.js';
export { type ReportServer, type ServeOptions, serveReport } from './report/watch.js';
export { compare } from './run/compare.js';
export type { Execution } from './run/execution.js';
export { type TrainOptions, train } from './run/train.js';
export type { EvaluateOptions, Evaluation } from './session/evaluator.js';
export type { Feeds } from './session/feed/feeds.js';
export { type FeedArray, type GradientOptions, type Gradients, gradients } from './session/gradients.js';
export type { WeightVectors } from './session/model-weights.js';
export { type SessionState, TrainingSession } from './session/session.js';
export type {
  MicroBatchPerturbation,
  SaveOptions,
  StepOptions,
  StreamOptions,
  TrainingSessionOptions,
} from './session/session-options.js';
export type { QueuedStep, StepResult } from './session/step-queue.js';
export type {
  CommonSetting,
  DeclaredOptimizer,
  GroupSettings,
  OptimizerSetting,
  SettingValue,
  TrainSettings,
  ViewSettings,
} from './settings/schema.js';
export { measure, type SharpnessReport } from './sharpness/measure.js';
export type { Objective } from './sharpness/objective.js';
export { MEASURE_NAMES, type MeasureName, type SharpnessOptions } from './sharpness/options.js';
export { type EvaluateModelOptions, evaluateModel } from './study/evaluate.js';
export { type LandscapeOptions, measureLandscape } from './study/measure-landscape.js';
export {
  type MeasureSharpnessOptions,
  type ModelSharpnessReport,
  measureSharpness,
} from './study/measure-sharpness.js';
export type { PartOptions } from './study/open-evaluation.js';
export type { PredictedPlaces } from './study/place-predictions.js';
export { type PredictOptions, predict, predictions } from './study/predict.js';
export type { PredictedClass, Prediction } from './study/predictions.js';
export type { Device, DeviceFacts } from './vectors/device/device.js';
export { type DeviceOptions, openDevice } from './vectors/device/open.js';
export type { GroupOptions, ParameterGroup, ParameterSpace, Vector } from './vectors/parameter-space.js';
