/**
 * How fast batches are made of images in class folders: images a second in each of the first epochs, beside the same images in memory and
 * PyTorch's DataLoader on the same folder. Images are those of CIFAR-10, as they are (PNG) and enlarged to 500×375 (JPEG).
 *
 *     node dist/bench/loading.js CIFAR_DIR [WORKERS [PYTHON]]
 *
 * CIFAR_DIR is what `flatmin data cifar10` writes; PYTHON has torch and torchvision.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import {
  DataLoader,
  type DataSettings,
  imageSource,
  loadCifar10,
  openSource,
  parseAugmentation,
  type Source,
} from '../src/data/index.js';

const [cifar, workers = '2', python] = process.argv.slice(2);
if (!cifar) throw new Error('Give the folder of CIFAR-10.');
const BATCH = 128;
const EPOCHS = 3;
const PLANE = 32 * 32;

const dataset = await loadCifar10(cifar);
const folder = await mkdtemp(join(tmpdir(), 'flatmin-loading-'));

/** The first images as files in class folders. */
async function write(part: 'train' | 'val', count: number, at: string, enlarged: boolean): Promise<void> {
  const { images, labels } = dataset.train;
  for (const name of dataset.classNames) await mkdir(join(at, part, name), { recursive: true });
  for (let i = 0; i < count; i++) {
    const data = Buffer.alloc(3 * PLANE);
    for (let p = 0; p < 3 * PLANE; p++) data[p] = images[(i * 3 + (p % 3)) * PLANE + Math.floor(p / 3)]!;
    const image = sharp(data, { raw: { width: 32, height: 32, channels: 3 } });
    const path = join(at, part, dataset.classNames[labels[i]!]!, String(i).padStart(6, '0'));
    if (enlarged) await image.resize(500, 375, { fit: 'fill' }).jpeg({ quality: 90 }).toFile(`${path}.jpg`);
    else await image.png().toFile(`${path}.png`);
  }
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
  for (const { size, count, enlarged } of [
    { size: 32, count: 10_000, enlarged: false },
    { size: 224, count: 1_280, enlarged: true },
  ]) {
    const at = join(folder, String(size));
    await write('train', count, at, enlarged);
    await write('val', 20, at, enlarged);
    const settings = { imageSize: String(size), normalization: 'imagenet' as const };
    const augment = size > 64 ? 'rrc,flip' : 'flip,crop=4:reflect';
    const context = { settings: { ...settings, augment } as DataSettings, seed: 0 };
    console.log(`${size}×${size}, ${augment}, ${workers} threads, images a second by epoch`);
    console.log(`  folder: ${await rates(await openSource(`folder:${at}`, context))}`);
    if (!enlarged) {
      const some = { train: Int32Array.from({ length: count }, (_, i) => i) };
      const memory = imageSource(dataset, { augmentation: parseAugmentation(augment) }).take(some);
      console.log(`  memory: ${await rates(memory)}`);
    }
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
