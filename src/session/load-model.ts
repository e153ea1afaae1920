import type { NativeSessionOptions } from '../addon/types.js';
import type { ModelProto } from '../onnx/proto.js';
import { lateOrder } from '../ort/execution-order.js';
import type { Runtime } from '../ort/library.js';
import { Session } from '../ort/session.js';
import type { Device } from '../vectors/device/device.js';
import { placeOn } from './provider.js';

export interface LoadOptions
  extends Pick<NativeSessionOptions, 'kernels' | 'profilePrefix' | 'memoryPattern'> {
  /** Runs may be captured once and played again: fixed shapes and addresses, nothing written in place. Default false. */
  capture?: boolean;
  /** The graph's products are in half precision. Default false. */
  halfPrecision?: boolean;
}

/** A session on a device, and whether its runs are captured. */
export interface LoadedSession {
  readonly session: Session;
  readonly isCaptured: boolean;
}

/**
 * Graphs of more nodes, which are steps written out, are not optimised on the CPU. Measured in processor seconds on GRUs: of 4,000 nodes
 * optimisation takes 1.2 of the 1.9 s that a session takes to build, of 12,000 nodes 4.6 of 6.8 s, and steps are as fast without it
 * (6 and 24 ms, either way). Graphs whose steps it does make faster, of convolutions and attention, are smaller.
 */
const OPTIMIZED_NODES = 8_000;

/**
 * Loads a model on a device. Where the device captures runs but the runtime refuses to capture this graph (a node without a kernel on
 * the device), it is loaded without.
 * @throws FlatminError RUNTIME with ONNX Runtime's own message, OUT_OF_MEMORY
 */
export async function loadOn(
  device: Device,
  runtime: Runtime,
  model: ModelProto,
  { capture = false, halfPrecision = false, ...options }: LoadOptions = {},
): Promise<LoadedSession> {
  const load = (captured: boolean) => {
    const place = placeOn(device, { capture: captured, halfPrecision });
    const ordered = { ...model, graph: lateOrder(model.graph) };
    return Session.create(runtime, ordered, {
      intraOpThreads: device.threads,
      // The pool of the vector operations takes over between runs.
      config: { 'session.force_spinning_stop': '1' },
      ...(!place.providers && model.graph.node.length > OPTIMIZED_NODES && { optimizationLevel: 0 }),
      ...place,
      ...options,
    });
  };
  if (capture && device.facts.capturesRuns) {
    try {
      return { session: await load(true), isCaptured: true };
    } catch {
      // Loaded again below: if that fails too, its message is the one that counts.
    }
  }
  return { session: await load(false), isCaptured: false };
}
