import type { SequenceBatch } from '../metric.js';

/**
 * The labels of each sample along its best path: the largest score of each time step, repeats merged, blanks left out (Graves et al. 2006,
 * §3.2).
 */
export function bestPaths({ scores, dims, timeFirst, blank, inputLengths }: SequenceBatch): number[][] {
  const [samples, steps] = timeFirst ? [dims[1]!, dims[0]!] : [dims[0]!, dims[1]!];
  const classes = dims[2]!;
  return Array.from({ length: samples }, (_, sample) => {
    const labels: number[] = [];
    let before = blank;
    const length = inputLengths ? Number(inputLengths[sample]) : steps;
    for (let step = 0; step < length; step++) {
      const row = timeFirst ? step * samples + sample : sample * steps + step;
      const best = largest(scores, row * classes, classes);
      if (best !== before && best !== blank) labels.push(best);
      before = best;
    }
    return labels;
  });
}

function largest(scores: Float32Array, start: number, classes: number): number {
  let best = 0;
  for (let index = 1; index < classes; index++)
    if (scores[start + index]! > scores[start + best]!) best = index;
  return best;
}
