import type { RegionPlan } from './plan.js';

/** The most nodes of a region: each one that joins has it planned anew. */
export const MOST_MEMBERS = 64;
/** The most values that it reads and stores: a tile has a place for each. */
const MOST_VALUES = 40;
/** Graphs of more nodes, which are steps written out, have no regions: making them would take longer than they save. */
export const MOST_NODES = 8000;

export const isWithinLimits = ({ members, inputs, outputs }: RegionPlan): boolean =>
  members.length <= MOST_MEMBERS && inputs.length + outputs.length <= MOST_VALUES;
