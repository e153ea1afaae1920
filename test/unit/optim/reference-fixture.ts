import { readFileSync } from 'node:fs';
import { AdamW } from '../../../src/optim/adamw.js';
import type { BaseOptimizer, Optimizer } from '../../../src/optim/optimizer.js';
import { RandSAM } from '../../../src/optim/rand-sam.js';
import { SAM } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import { type FormulaKind, formulaDirection } from '../../reference/formula.js';

export type Shortcut = 'conv' | 'pad';
/** Norm and samples of a tensor. */
export type Sampled = [norm: number, samples: number[]];

interface SgdSettings {
  method: 'sgd';
  lr: number;
  momentum: number;
  nesterov: boolean;
  weightDecay: number;
  decay: 'all' | 'weights';
}
interface AdamWSettings {
  method: 'adamw';
  lr: number;
  betas: [number, number];
  eps: number;
  weightDecay: number;
  decay: 'all' | 'weights';
}
type PerturbSettings =
  | {
      method: 'sam';
      rho: number;
      steps: number;
      radius: 'split' | 'project' | 'sum';
      ascentDecay: boolean;
      eta?: number;
      normalize?: 'all' | 'weights';
    }
  | { method: 'rand-sam'; rho: number; eta?: number; normalize?: 'all' | 'weights' };

export interface CaseSettings {
  shortcut: Shortcut;
  labelSmoothing: number;
  clip: number | null;
  base: SgdSettings | AdamWSettings;
  perturb?: PerturbSettings;
}

export interface ReferenceCase {
  settings: CaseSettings;
  losses: number[];
  after: Record<
    string,
    {
      norm: number;
      updateNorm: number;
      /** Norm, norm of the update since the start, samples. */
      parameters: Record<string, [norm: number, updateNorm: number, samples: number[]]>;
    }
  >;
  statistics: Record<string, Sampled>;
}

interface Fixture {
  samples: { step: number };
  network: { images: [number, number, number, number] };
  parameters: Record<Shortcut, Record<string, [kind: FormulaKind, shape: number[]]>>;
  initial: Record<
    string,
    {
      shortcut: Shortcut;
      labelSmoothing: number;
      loss: number;
      gradientNorm: number;
      gradient: Record<string, Sampled>;
    }
  >;
  initialStatistics: Record<Shortcut, Record<string, number[]>>;
  cases: Record<string, ReferenceCase>;
}

/** Float64 references from PyTorch; test/fixtures/optimizers/make.py documents the layout. */
export const fixture: Fixture = JSON.parse(readFileSync('test/fixtures/optimizers/wrn-10-1.json', 'utf8'));

/** The elements of a tensor that the fixture samples. */
export const samplesOf = (tensor: Float32Array, count: number): number[] =>
  Array.from({ length: count }, (_, j) => tensor[(j * fixture.samples.step) % tensor.length]!);

export function optimizerOf({ base, perturb, clip, shortcut }: CaseSettings): Optimizer {
  const inner = baseOptimizer(base, clip ?? undefined);
  if (!perturb) return inner;
  const { eta, normalize } = perturb;
  const adaptive = eta !== undefined && normalize !== undefined && { eta, normalize };
  if (perturb.method === 'sam') {
    const { rho, steps, radius, ascentDecay } = perturb;
    return new SAM(inner, { rho, steps, radius, adaptive, ascentDecay: ascentDecay ? base.weightDecay : 0 });
  }
  const names = Object.keys(fixture.parameters[shortcut]);
  return new RandSAM(inner, {
    rho: perturb.rho,
    adaptive,
    direction: async (z, { space: { arena } }) => {
      for (const { name, count } of arena.segments)
        arena.write(z, name, formulaDirection(names.indexOf(name), count));
    },
  });
}

function baseOptimizer(settings: CaseSettings['base'], clipNorm: number | undefined): BaseOptimizer {
  if (settings.method === 'sgd') {
    const { method: _, ...options } = settings;
    return new SGD({ ...options, clipNorm });
  }
  const { lr, betas, eps: epsilon, weightDecay, decay } = settings;
  return new AdamW({ lr, betas, epsilon, weightDecay, decay, clipNorm });
}
