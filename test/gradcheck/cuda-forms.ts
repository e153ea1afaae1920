import { trainingCpu, trainingCuda } from '../../src/capabilities/tables.js';
import { targetOf } from '../../src/capabilities/target-for.js';

const onCpu = trainingCpu.kernels;

/** The forms of training graphs for CUDA, of kernels that the training build has on the CPU too: there they can be checked. */
export const cudaFormsOnCpu = targetOf({
  ...trainingCuda,
  kernels: Object.fromEntries(
    Object.entries(trainingCuda.kernels).map(([kernel, types]) => [
      kernel,
      types.filter((type) => onCpu[kernel]?.includes(type)),
    ]),
  ),
});
