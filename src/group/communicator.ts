import type { DeviceBuffer } from '../addon/types.js';

/**
 * The ranks of a job. What talks to the others is called by every rank, in the same order, and waits for them; a rank that ends with another
 * exit code than 0 ends the job.
 */
export interface Communicator {
  /** 'single': this process alone. 'mpi': MPI's world. */
  readonly kind: 'single' | 'mpi';
  /** Which of the ranks this process is, from 0. */
  readonly rank: number;
  /** Ranks of the job. */
  readonly size: number;
  /** Which of the ranks on this machine it is, from 0. */
  readonly localRank: number;
  /**
   * Every element ← its sum over the ranks, the same bits on all of them; of two ranks the sum of both, rounded once.
   * @param vector in CPU memory, of one length on all ranks
   * @param type of its elements; default 'float32'
   * @throws FlatminError RUNTIME with MPI's message
   */
  sum(vector: DeviceBuffer, type?: 'float32' | 'float64'): Promise<void>;
  /**
   * Every rank's bytes ← those of one.
   * @param vector in CPU memory, of one length on all ranks
   * @param root whose they are; default 0
   */
  broadcast(vector: DeviceBuffer, root?: number): Promise<void>;
  /** Resolves when every rank has called it. */
  barrier(): Promise<void>;
  /** Ends all processes of the job at once, this one too. @param code of their exit; default 1 */
  abort(code?: number): void;
}

/** This process alone. */
export const singleGroup: Communicator = {
  kind: 'single',
  rank: 0,
  size: 1,
  localRank: 0,
  async sum() {},
  async broadcast() {},
  async barrier() {},
  abort: (code = 1) => process.exit(code),
};
