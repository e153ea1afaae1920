import { setImmediate as nextTurn } from 'node:timers/promises';
import { DataLoader } from '../../src/data/loading/loader.js';
import { openDataset } from '../../src/data/open.js';
import { crossEntropy } from '../../src/losses/cross-entropy.js';
import { smallCnn } from '../../src/models/small-cnn.js';
import { SAM } from '../../src/optim/sam.js';
import { SGD } from '../../src/optim/sgd.js';
import { TrainingSession } from '../../src/session/session.js';

/** Work that is done over and over, and must need no more memory for that. */
export interface Subject {
  readonly name: string;
  /** Of the long form. */
  readonly rounds: number;
  /** @returns one round */
  begin(): Promise<() => Promise<void>>;
}

const batch = { images: new Float32Array(8 * 64).fill(0.5), labels: new BigInt64Array(8) };
const openSession = () =>
  TrainingSession.create(smallCnn({ inputShape: [1, 8, 8] }), { loss: crossEntropy(), batch: 8 });
const sam = () => new SAM(new SGD({ lr: 0.01, momentum: 0.9 }));

export const subjects: readonly Subject[] = [
  {
    name: 'steps',
    rounds: 10_000,
    async begin() {
      const [session, optimizer] = [await openSession(), sam()];
      return async () => {
        await session.step(batch, optimizer);
      };
    },
  },
  {
    name: 'sessions',
    rounds: 1_000,
    async begin() {
      return async () => {
        const session = await openSession();
        await session.step(batch, sam());
        session.dispose();
      };
    },
  },
  {
    name: 'dropped',
    rounds: 1_000,
    async begin() {
      return async () => {
        const session = await openSession();
        await session.step(batch, sam());
        // What is dropped is collected between turns of the event loop.
        await nextTurn();
      };
    },
  },
  {
    name: 'evaluations',
    rounds: 1_000,
    async begin() {
      const session = await openSession();
      return async () => {
        await session.evaluate([batch]);
      };
    },
  },
  {
    name: 'loaders',
    rounds: 200,
    async begin() {
      const dataset = await openDataset('digits');
      return async () => {
        const loader = new DataLoader({ dataset, split: 'train' }, { batch: 32 });
        for await (const _ of loader) break;
        await loader.close();
      };
    },
  },
];

const kept: TrainingSession[] = [];

/** Sessions that stay: what a soak must find. */
export const faulty: Subject = {
  name: 'kept',
  rounds: 100,
  async begin() {
    return async () => {
      kept.push(await openSession());
    };
  },
};
