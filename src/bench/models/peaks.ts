import { targetFor } from '../../capabilities/target-for.js';
import { openExecution } from '../../run/execution.js';
import { type Limits, measureLimits } from '../kernels/limits.js';
import type { ModelTask } from './training.js';

/** What the machine can do at its best in float32; to be called in a process of its own. */
export async function measurePeaks(task: Pick<ModelTask, 'runtime' | 'threads'>): Promise<Limits> {
  const { device, runtime } = openExecution({ ...task, device: 'cpu' });
  return measureLimits(device, runtime, await targetFor(runtime, device.name));
}
