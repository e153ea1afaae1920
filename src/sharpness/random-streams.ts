/** 'own' is for measures that are not of flatmin. */
const PURPOSES = ['average', 'worst', 'trace', 'eigenvalues', 'density', 'own'] as const;
const STREAMS_A_PURPOSE = 2 ** 40;

/**
 * A stream of random numbers, for `Ball.scatter` and `ParameterSpace.fillNormal`: those of different purposes, and those of training
 * (small numbers), never meet.
 * @param index of the stream among those of its purpose, from 0; less than 2⁴⁰
 */
export function randomStream(purpose: (typeof PURPOSES)[number], index: number): number {
  return (PURPOSES.indexOf(purpose) + 1) * STREAMS_A_PURPOSE + index;
}
