import type { Passes } from '../sharpness/evaluations.js';
import type { MeasureName } from '../sharpness/options.js';

/** Milliseconds between lines about one measure. */
const INTERVAL = 10_000;

/** One line for each measure when it is done, and one now and then while it lasts. */
export function sharpnessProgress(stream: NodeJS.WritableStream | undefined, clock = Date.now) {
  let current: MeasureName | undefined;
  let written = 0;
  let passes: Passes = { gradients: 0, losses: 0, products: 0 };
  const write = (text: string) => {
    stream?.write(`${text}\n`);
    written = clock();
  };
  const end = () => {
    if (current) write(`${current}: done, ${describe(passes)}`);
    current = undefined;
  };
  return {
    onPass(name: MeasureName, now: Passes): void {
      if (name !== current) end();
      current = name;
      passes = now;
      if (clock() - written >= INTERVAL) write(`${name}: ${describe(passes)}`);
    },
    end,
  };
}

const rounded = (count: number): string => String(Math.round(100 * count) / 100);
const describe = ({ gradients, losses, products }: Passes): string =>
  `${rounded(gradients)} passes with gradients, ${rounded(losses)} without${products ? `, ${rounded(products)} Hessian-vector products` : ''}`;
