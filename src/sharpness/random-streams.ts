/** Streams of random numbers: those of different purposes, and those of training (small numbers), never meet. */
const PURPOSES = ['average', 'worst', 'trace', 'eigenvalues', 'density'] as const;
const STREAMS_A_PURPOSE = 2 ** 40;

export function randomStream(purpose: (typeof PURPOSES)[number], index: number): number {
  return (PURPOSES.indexOf(purpose) + 1) * STREAMS_A_PURPOSE + index;
}
