import { findCudaLibraries, preload } from '../../../src/addon/cuda-libraries/load.js';
import { DRIVER } from '../../../src/addon/cuda-libraries/needed.js';
import { FlatminError } from '../../../src/errors.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { openRuntime } from '../../../src/ort/library.js';
import { Session } from '../../../src/ort/session.js';

export interface CudaSession {
  loaded: readonly string[];
  hasDriver: boolean;
  /** How the session ended: null where it was made. */
  error: { message: string; isExpected: boolean } | null;
}

/** Loads the libraries, the driver aside where there is none, and makes a session with the CUDA provider. */
export async function cudaSession(): Promise<CudaSession> {
  const search = findCudaLibraries();
  preload({ ...search, missing: search.missing.filter(({ library }) => library !== DRIVER) });
  const builder = new GraphBuilder();
  builder.input('x', 'float', [4]);
  builder.output(builder.op('Relu', ['x']), 'float', [4]);
  const runtime = openRuntime('training', 'cuda');
  const error = await Session.create(runtime, makeModel(builder.graph), {
    providers: [{ name: 'CUDA' }],
  }).then(
    () => null,
    (cause: Error) => ({ message: cause.message, isExpected: cause instanceof FlatminError }),
  );
  return {
    loaded: search.found.map(({ path }) => path),
    hasDriver: search.found.some(({ library }) => library === DRIVER),
    error,
  };
}
