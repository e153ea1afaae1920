// node unruly-child.js LIBRARY DEVICE FIRST: finds every kernel right but three: it crashes in the second probe, hangs in the third and finds
// the fourth wrong.

import { probesOf } from '../../../src/capabilities/probe/cases.js';
import type { ProbeMessage } from '../../../src/capabilities/probe/message.js';

const first = Number(process.argv[4]);
const tell = (message: ProbeMessage) => new Promise<void>((sent) => process.send!(message, () => sent()));

for (let place = first; place < probesOf('cpu').length; place++) {
  await tell({ kind: 'begin', place });
  if (place === 1) process.kill(process.pid, 'SIGSEGV');
  if (place === 1 || place === 2) await new Promise((done) => setTimeout(done, 1e6));
  await tell({ kind: 'end', place, ...(place === 3 && { reason: 'wrong' }) });
}
await tell({ kind: 'done' });
process.disconnect();
