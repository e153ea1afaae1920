import { type GradientCase, single, wrt } from '../case.js';

const equation = (text: string, ...shapes: readonly (readonly number[])[]): GradientCase =>
  single(
    `Einsum ${text} of ${shapes.map((dims) => `[${dims}]`).join(' ')}`,
    'Einsum',
    Object.fromEntries(shapes.map((dims, index) => [`x${index}`, wrt(dims)])),
    { equation: text },
  );

export const einsumCases: GradientCase[] = [
  equation('ij,jk->ik', [2, 3], [3, 4]),
  equation('ij,jk->ik', [0, 3], [3, 4]),
  equation('ij,jk', [2, 3], [3, 4]),
  equation('ij, kj -> ki', [2, 3], [4, 3]),
  equation('bhqd,bhkd->bhqk', [2, 2, 3, 4], [2, 2, 5, 4]),
  equation('bqhd,bkhd->bhqk', [2, 3, 2, 4], [2, 5, 2, 4]),
  equation('bhqk,bkhd->bqhd', [2, 2, 3, 4], [2, 4, 2, 5]),
  equation('i,j->ij', [3], [4]),
  equation('i,i->', [5], [5]),
  equation('ij->ji', [2, 3]),
  equation('ijk->ik', [2, 3, 4]),
  equation('ij->', [2, 3]),
  equation('ij', [2, 3]),
  equation('ii->i', [4, 4]),
  equation('ii', [4, 4]),
  equation('ijji->j', [2, 3, 3, 2]),
  equation('ij,ij->ij', [2, 3], [2, 3]),
  equation('ijk,jl->il', [2, 3, 4], [3, 5]),
  equation('ij,jk,kl->il', [2, 3], [3, 4], [4, 2]),
  equation('bi,ijk,bk->bj', [2, 3], [3, 4, 5], [2, 5]),
  equation('...ij,...jk->...ik', [2, 3, 4], [2, 4, 5]),
  equation('...ij,jk->...ik', [2, 2, 3, 4], [4, 5]),
  equation('...ij,...jk', [1, 3, 4], [2, 4, 5]),
  equation('i...->...', [3, 2, 2]),
  equation('b...,b->...b', [2, 3, 4], [2]),
];
