/**
 * How fast batches are made of images in class folders: images a second in each of the first epochs, beside the same images in memory and
 * PyTorch's DataLoader on the same folder, and of a training with either. Images are those of CIFAR-10, as they are (PNG) and enlarged to 500×375 (JPEG).
 *
 *     node dist/bench/loading.js CIFAR_DIR [WORKERS [PYTHON [SIZE]]]
 *
 * CIFAR_DIR is what `flatmin data cifar10` writes; PYTHON has torch and torchvision ('' for none); SIZE is 32 or 224, default both.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '../src/bench/statistics.js';
import {
  DataLoader,
  type DataSettings,
  imageSource,
  loadCifar10,
  openSource,
  parseAugmentation,
  type Source,
} from '../src/data/index.js';
import { crossEntropy, openDevice, SGD, TrainingSession, wideResNet } from '../src/index.js';
import type { ModelProto } from '../src/onnx/proto.js';
import { decodedImages, writeImages } from './cifar-images.js';

const [cifar, workers = '2', python, only] = process.argv.slice(2);
if (!cifar) throw new Error('Give the folder of CIFAR-10.');
const BATCH = 128;
const EPOCHS = 3;
const TRAINED_BATCH = 32;
const WARMUP = 4;
const ROUNDS = 3;

const dataset = await loadCifar10(cifar);
const folder = await mkdtemp(join(tmpdir(), 'flatmin-loading-'));

/** Images a second over steps of the first epoch after the first ones, a thread left to prepare batches. */
async function trainingRate(model: ModelProto, source: Source, timed: number): Promise<number> {
  const device = openDevice('cpu', { threads: 1 });
  const session = await TrainingSession.create(model, { loss: crossEntropy(), batch: TRAINED_BATCH, device });
  const loader = new DataLoader({ source, split: 'train' }, { batch: TRAINED_BATCH, workers: 1 });
  let [steps, start] = [0, 0];
  for await (const _ of session.train(loader, new SGD({ lr: 0.01, momentum: 0.9 }))) {
    if (steps === WARMUP) start = performance.now();
    if (++steps > WARMUP + timed) break;
  }
  const seconds = (performance.now() - start) / 1000;
  session.dispose();
  await loader.close();
  return ((steps - 1 - WARMUP) * TRAINED_BATCH) / seconds;
}

/** Images a second in each epoch. */
async function rates(source: Source): Promise<string> {
  const loader = new DataLoader({ source, split: 'train' }, { batch: BATCH, workers: Number(workers) });
  const found: number[] = [];
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const start = performance.now();
    let count = 0;
    for await (const _ of loader.epoch(epoch)) count += BATCH;
    found.push(count / ((performance.now() - start) / 1000));
  }
  await loader.close();
  return found.map((rate) => rate.toFixed(0)).join(', ');
}

try {
  for (const { size, count, form, steps } of [
    { size: 32, count: 10_000, form: 'png', steps: 250 },
    { size: 224, count: 1_280, form: 'jpeg', steps: 10 },
  ] as const) {
    if (only && Number(only) !== size) continue;
    const at = join(folder, String(size));
    await writeImages(dataset, { folder: at, part: 'train', count, form });
    await writeImages(dataset, { folder: at, part: 'val', count: 20, form });
    const augment = form === 'jpeg' ? 'rrc,flip' : 'flip,crop=4:reflect';
    const settings = { imageSize: String(size), normalization: 'imagenet', augment } as DataSettings;
    const images = await openSource(`folder:${at}`, { settings, seed: 0 });
    // Images in memory are not cropped to random areas: padding, shift and flip stand for it.
    const augmentation = parseAugmentation('flip,crop=4:reflect');
    const memory = imageSource(await decodedImages(dataset, count, form, size), { augmentation });
    console.log(`${size}×${size}, ${augment}, ${workers} threads, images a second by epoch`);
    console.log(`  folder: ${await rates(images)}`);
    console.log(`  memory: ${await rates(memory)}`);
    const model = wideResNet({ depth: 10, width: 1, inputShape: [3, size, size] });
    const trained = { folder: [] as number[], memory: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      trained.folder.push(await trainingRate(model, images, steps));
      trained.memory.push(await trainingRate(model, memory, steps));
    }
    const [onFolder, inMemory] = [median(trained.folder), median(trained.memory)];
    console.log(
      `  SGD on WRN-10-1 (1 thread, and 1 that prepares): folder ${onFolder.toFixed(1)}, memory ${inMemory.toFixed(1)}: ${(onFolder / inMemory).toFixed(3)}`,
    );
    if (!python) continue;
    const { stdout, stderr } = spawnSync(python, [
      'bench/loading.py',
      at,
      String(size),
      String(BATCH),
      workers,
    ]);
    console.log(`  PyTorch, second epoch: ${String(stdout).trim() || String(stderr)}`);
  }
} finally {
  await rm(folder, { recursive: true });
}
