import { capabilitiesOf } from '../../src/capabilities/capabilities-of.js';
import { probeCapabilities } from '../../src/capabilities/probe/probe.js';
import { gpuTest } from './gpu.js';

gpuTest(
  'the kernels that are listed for CUDA are there, with the right numbers',
  async (t, { runtime, device }) => {
    const listed = await capabilitiesOf(runtime, device.name);
    const { failures, ...probed } = await probeCapabilities(runtime, device.name);
    for (const { kernel, type, reason } of failures) t.log(`${kernel} ${type}: ${reason}`);
    t.deepEqual(probed, listed);
  },
);
