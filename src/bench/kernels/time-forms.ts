import type { ModelProto } from '../../onnx/proto.js';
import { decodeModel } from '../../onnx/proto.js';
import type { Runtime } from '../../ort/library.js';
import { openDevice } from '../../vectors/device/open.js';
import { timeModel } from '../time-model.js';

/** Models to time in a child, encoded. */
export interface FormsRequest {
  readonly models: readonly { readonly bytes: Uint8Array; readonly kernels: boolean }[];
  readonly runtime: Runtime;
  readonly device: string;
  readonly threads: number;
  readonly tf32: boolean;
}

/** What a model takes: its best run, since slow spells of the machine only add; or why it does not run. */
export type FormTime = { readonly seconds: number } | { readonly refused: string };

/** Times models one after the other. @param progress takes each one's time when it is known */
export async function timeForms(
  { models, runtime, device: name, threads, tf32 }: FormsRequest,
  progress: (time: FormTime) => void,
): Promise<void> {
  const device = openDevice(name, { threads, tf32 });
  for (const { bytes, kernels } of models) {
    const model: ModelProto = decodeModel(bytes, 'form');
    try {
      progress({
        seconds: Math.min(...(await timeModel(device, runtime, model, { kernels, seconds: 0.15 }))),
      });
    } catch (error) {
      progress({ refused: (error as Error).message });
    }
  }
}
