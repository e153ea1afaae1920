import { fork } from 'node:child_process';
import { once } from 'node:events';
import { FlatminError } from '../../errors.js';
import type { ElementType } from '../../onnx/tensors/element-types.js';
import type { Runtime } from '../../ort/library.js';
import { deviceKind, type ProbedCapabilities, type ProbeFailure } from '../capabilities.js';
import { probesOf } from './cases.js';
import type { ProbeMessage } from './message.js';

export interface ProbeOptions {
  /** A probe that takes longer is given up. Default 120 000: cuDNN and cuBLAS are loaded in the first one on a GPU. */
  limitMs?: number;
  /** The module that runs the probes; default flatmin's. */
  child?: URL;
}

/**
 * Finds out by running them which training ops a runtime computes right on a device. Each op runs alone, on small data, in another process:
 * one that ends or hangs it counts as missing, and the rest run in a fresh one. About a second on a CPU.
 * @param device 'cpu', 'cuda' or 'cuda:<ordinal>'
 * @throws FlatminError RUNTIME when the library or the device cannot be used at all
 */
export async function probeCapabilities(
  runtime: Runtime,
  device = 'cpu',
  { limitMs = 120_000, child = new URL('./child.js', import.meta.url) }: ProbeOptions = {},
): Promise<ProbedCapabilities> {
  const probes = probesOf(deviceKind(device));
  const kernels: Record<string, ElementType[]> = {};
  const failures: ProbeFailure[] = [];
  const end = (place: number, reason?: string) => {
    const { kernel, type } = probes[place]!;
    if (reason === undefined) (kernels[kernel] ??= []).push(type);
    else failures.push({ kernel, type, reason });
  };
  let next = 0;
  while (next < probes.length) {
    const { done, running, said } = await runChild(child, [runtime.path, device, String(next)], limitMs, end);
    if (done) break;
    if (running === undefined)
      throw new FlatminError(
        'RUNTIME',
        `The kernels of ${runtime.path} on ${device} cannot be probed: ${said || 'the process that tries them ended before the first.'}`,
      );
    end(running, said);
    next = running + 1;
  }
  return {
    device: deviceKind(device),
    kernels,
    // Kernels of cuDNN, of which CUDA's are made: see tables.ts.
    runningVariance: deviceKind(device) === 'cuda' ? 'unbiased' : 'population',
    failures,
  };
}

/** Runs one process to its end. `running` is the probe that it ended or hung in; `said` the reason. */
async function runChild(
  module: URL,
  args: string[],
  limitMs: number,
  end: (place: number, reason?: string) => void,
): Promise<{ done: boolean; running?: number; said?: string }> {
  const child = fork(module, args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], execArgv: [] });
  let running: number | undefined;
  let done = false;
  let said: string | undefined;
  const stop = () => {
    said = `hung: it was given up after ${limitMs} ms`;
    child.kill('SIGKILL');
  };
  let timer = setTimeout(stop, limitMs);
  child.on('message', (message: ProbeMessage) => {
    clearTimeout(timer);
    timer = setTimeout(stop, limitMs);
    if (message.kind === 'begin') running = message.place;
    else if (message.kind === 'end') {
      end(message.place, message.reason);
      running = undefined;
    } else if (message.kind === 'done') done = true;
    else said = message.reason;
  });
  const [code, signal] = await once(child, 'close');
  clearTimeout(timer);
  said ??= running === undefined ? undefined : `crashed: ${signal ?? `exit code ${code}`}`;
  return { done, ...(running !== undefined && { running }), ...(said !== undefined && { said }) };
}
