import { median } from '../statistics.js';
import { type ProfileEvent, profileRuns } from '../trace/ort-profile.js';
import { type Cost, costOf, type OpCall, type Operand } from './cost.js';

/** Equal calls of one op in a run of the graph: same op, same shapes. */
export interface KernelRow extends Cost {
  readonly op: string;
  /** 'float 16×3×32×32' and the like. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Calls in a run. */
  readonly count: number;
  /** Of all its calls in a run: the median over runs. */
  readonly seconds: number;
  /** Names of its nodes. */
  readonly nodes: readonly string[];
  /** 'flop' and 'bytes' are of one call. */
}

export interface ProfileTable {
  readonly rows: readonly KernelRow[];
  /** Of all kernels of each run. */
  readonly kernelSeconds: readonly number[];
  /** Where the times are from: kernels on a GPU, or the calls that made them. */
  readonly timed: 'calls' | 'kernels';
  /** Most bytes that ONNX Runtime's allocator had given out; undefined where the profile does not say. */
  readonly activationBytes: number | undefined;
}

/** Bytes of an element, by ONNX Runtime's names of types. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  ...{ bool: 1, int8: 1, uint8: 1, float16: 2, bfloat16: 2, int16: 2, uint16: 2 },
  ...{ float: 4, int32: 4, uint32: 4, double: 8, int64: 8, uint64: 8 },
};

/**
 * Groups the kernels of a session's profile, the longest first.
 * @param skip runs before those that count
 */
export function profileTable(events: readonly ProfileEvent[], skip = 0): ProfileTable {
  const runs = profileRuns(events).slice(skip);
  const nodes = events.filter(({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time'));
  const onGpu = gpuSeconds(events);
  const groups = new Map<
    string,
    { call: OpCall; shapes: Shapes; perRun: number[]; names: Set<string>; calls: number }
  >();
  for (const event of nodes) {
    const run = runs.findIndex(({ ts, dur }) => event.ts >= ts && event.ts <= ts + dur);
    if (run < 0) continue;
    const shapes = shapesOf(event);
    const key = JSON.stringify(shapes);
    const group = groups.get(key) ?? {
      ...{ call: callOf(event), shapes, perRun: runs.map(() => 0), names: new Set<string>(), calls: 0 },
    };
    groups.set(key, group);
    group.perRun[run]! += onGpu?.get(event) ?? event.dur / 1e6;
    group.names.add(event.name.replace(/_kernel_time$/, ''));
    group.calls++;
  }
  const rows = [...groups.values()].map(
    ({ call, shapes, perRun, names, calls }): KernelRow => ({
      ...shapes,
      count: calls / runs.length,
      seconds: median(perRun),
      nodes: [...names],
      ...costOf(call),
    }),
  );
  const peaks = nodes.map(({ args }) => Number(args.mem_in_use_peak)).filter(Number.isFinite);
  return {
    rows: rows.sort((a, b) => b.seconds - a.seconds),
    kernelSeconds: runs.map((_, run) =>
      [...groups.values()].reduce((sum, { perRun }) => sum + perRun[run]!, 0),
    ),
    timed: onGpu ? 'kernels' : 'calls',
    activationBytes: peaks.length > 0 ? peaks.reduce((a, b) => Math.max(a, b)) : undefined,
  };
}

type Shapes = Pick<KernelRow, 'op' | 'inputs' | 'outputs'>;
type TypedShape = Readonly<Record<string, readonly number[]>>;

const listOf = (value: unknown): readonly TypedShape[] => (Array.isArray(value) ? value : []);
const opOf = ({ args }: ProfileEvent): string => String(args.op_name ?? '');

function shapesOf(event: ProfileEvent): Shapes {
  const texts = (value: unknown) =>
    listOf(value).flatMap((entry) =>
      Object.entries(entry).map(([type, dims]) => `${type} ${dims.length > 0 ? dims.join('×') : 'scalar'}`),
    );
  const { input_type_shape: inputs, output_type_shape: outputs } = event.args;
  return { op: opOf(event), inputs: texts(inputs), outputs: texts(outputs) };
}

function callOf(event: ProfileEvent): OpCall {
  const operands = (value: unknown): Operand[] =>
    listOf(value).flatMap((entry) =>
      Object.entries(entry).map(([type, dims]) => ({ dims, bytes: ELEMENT_BYTES[type] ?? 0 })),
    );
  const { input_type_shape: inputs, output_type_shape: outputs } = event.args;
  return { op: opOf(event), inputs: operands(inputs), outputs: operands(outputs) };
}

/**
 * Seconds on the GPU of each node's kernels, which follow its event in the profile; undefined where the profile has none (the CPU, or a
 * runtime built without CUPTI).
 */
function gpuSeconds(events: readonly ProfileEvent[]): Map<ProfileEvent, number> | undefined {
  if (!events.some(({ cat }) => cat === 'Kernel')) return undefined;
  const seconds = new Map<ProfileEvent, number>();
  let node: ProfileEvent | undefined;
  for (const event of events) {
    if (event.cat === 'Node' && event.name.endsWith('_kernel_time')) {
      node = event;
      seconds.set(node, 0);
    } else if (event.cat === 'Kernel' && node && event.args.parent_name === node.name) {
      seconds.set(node, seconds.get(node)! + event.dur / 1e6);
    }
  }
  return seconds;
}
