import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { CLASS_WEIGHTINGS, type ClassWeighting } from '../data/balance/class-weights.js';
import { toNumber } from './option-values.js';

/** What weights of classes are given as. */
type Given = ClassWeighting | number[] | Record<string, number>;

/** 'balanced', '1,2.5', 'cat=2,dog=0.5', or a JSON file of a list or an object of numbers. */
export function toClassWeights(text: string): Given {
  const name = CLASS_WEIGHTINGS.find((each) => each === text);
  if (name) return name;
  if (text.endsWith('.json')) return fromFile(text);
  const items = text.split(',');
  if (items.every((item) => item.includes('='))) {
    return Object.fromEntries(
      items.map((item) => {
        const at = item.lastIndexOf('=');
        return [item.slice(0, at).trim(), toNumber(item.slice(at + 1))];
      }),
    );
  }
  if (items.every((item) => item.trim() !== '' && !Number.isNaN(Number(item)))) return items.map(Number);
  throw new InvalidArgumentError(
    `Expected ${CLASS_WEIGHTINGS.join(', ')}, numbers such as 1,2.5, NAME=NUMBER,…, or a file that ends in .json.`,
  );
}

/** What numbers it has is checked with the other settings. */
function fromFile(path: string): Given {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new InvalidArgumentError(
      `${path} cannot be read as JSON (${cause instanceof Error ? cause.message : cause}): a list of numbers by class, or an object of numbers by name, is expected.`,
    );
  }
}
