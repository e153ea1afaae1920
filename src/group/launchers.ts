import type { MpiAbi } from '../addon/types.js';

/** What starts the ranks, known by the variables that it gives them. */
export interface Launcher {
  readonly name: string;
  /** Its variable of the number of ranks. */
  readonly size: string;
  /** Its variable of the rank, from 0. */
  readonly rank: string;
  /** Binary interfaces of the libraries that understand it, the likeliest first. */
  readonly abis: readonly MpiAbi[];
}

const HYDRA: Launcher = {
  name: 'mpiexec of MPICH or Intel MPI',
  size: 'PMI_SIZE',
  rank: 'PMI_RANK',
  abis: ['standard', 'mpich'],
};
const PRTE: Launcher = {
  name: 'mpirun of Open MPI',
  size: 'OMPI_COMM_WORLD_SIZE',
  rank: 'OMPI_COMM_WORLD_RANK',
  abis: ['openmpi', 'standard'],
};
// In an allocation without srun this is 1, where SLURM_NTASKS is not.
const SRUN: Launcher = {
  name: 'srun',
  size: 'SLURM_STEP_NUM_TASKS',
  rank: 'SLURM_PROCID',
  abis: ['standard', 'openmpi', 'mpich'],
};

/** What a launcher says of a process that it has started. */
export interface Started {
  readonly launcher: Launcher;
  readonly size: number;
  readonly rank: number;
}

/** By what this process has been started; undefined without a launcher. */
export function launcherOf(env: NodeJS.ProcessEnv): Started | undefined {
  // Within an allocation the other two may have started their own helpers by srun.
  for (const launcher of [PRTE, HYDRA, SRUN]) {
    const size = Number(env[launcher.size]);
    if (size >= 1) return { launcher, size, rank: Number(env[launcher.rank] ?? 0) };
  }
  return undefined;
}

/** The same of a process that is one of several. */
export function oneOfSeveral(env: NodeJS.ProcessEnv = process.env): Started | undefined {
  const started = launcherOf(env);
  return started && started.size > 1 ? started : undefined;
}
