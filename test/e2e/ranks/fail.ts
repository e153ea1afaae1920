/** A rank that fails while the other waits for it. */
import { joinGroup } from '../../../src/group/join.js';

const group = await joinGroup();
if (group.rank === 1) throw new Error('bad luck');
await group.barrier();
