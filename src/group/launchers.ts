import type { MpiAbi } from '../addon/types.js';

/** What starts the ranks, known by the variables that it gives them. */
export interface Launcher {
  readonly name: string;
  /** Its variable of the number of ranks. */
  readonly size: string;
  /** Binary interfaces of the libraries that understand it, the likeliest first. */
  readonly abis: readonly MpiAbi[];
}

const HYDRA: Launcher = {
  name: 'mpiexec of MPICH or Intel MPI',
  size: 'PMI_SIZE',
  abis: ['standard', 'mpich'],
};
const PRTE: Launcher = {
  name: 'mpirun of Open MPI',
  size: 'OMPI_COMM_WORLD_SIZE',
  abis: ['openmpi', 'standard'],
};
// In an allocation without srun this is 1, where SLURM_NTASKS is not.
const SRUN: Launcher = {
  name: 'srun',
  size: 'SLURM_STEP_NUM_TASKS',
  abis: ['standard', 'openmpi', 'mpich'],
};

/** The launcher of this process, and how many ranks it says there are; undefined without one. */
export function launcherOf(env: NodeJS.ProcessEnv): { launcher: Launcher; size: number } | undefined {
  // Within an allocation the other two may have started their own helpers by srun.
  for (const launcher of [PRTE, HYDRA, SRUN]) {
    const size = Number(env[launcher.size]);
    if (size >= 1) return { launcher, size };
  }
  return undefined;
}
