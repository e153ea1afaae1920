import type { Device } from '../vectors/device/device.js';

/**
 * Begins to watch what is taken of a GPU's memory. ONNX Runtime gives back nothing before its session ends, so what is in use at the end is
 * what was at the most.
 * @returns a function that tells the bytes taken since; null on the CPU, whose memory is told by the process
 */
export function takenDeviceBytes(device: Device): () => number | null {
  if (!device.facts.hasOwnMemory) return () => null;
  const before = device.memory().free;
  return () => Math.max(0, before - device.memory().free);
}
