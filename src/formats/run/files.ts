/** Names of the files in a run's folder. */
export const RUN_FILES = {
  config: 'config.json',
  lock: 'run.lock',
  metrics: 'metrics.jsonl',
  tensorboard: 'tensorboard',
  checkpoint: 'checkpoint.safetensors',
  /** Of the last epoch's end, where a run goes back to it when it diverges. */
  epochCheckpoint: 'checkpoint-epoch.safetensors',
  bestCheckpoint: 'checkpoint-best.safetensors',
  model: 'model.onnx',
  /** Names of the classes, by the index of their scores; where the data have such. */
  labels: 'labels.json',
  summary: 'summary.json',
  /** The last evaluation on the test set, with figures of each class. */
  evaluation: 'evaluation.json',
} as const;
