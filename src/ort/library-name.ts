import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** libonnxruntime.so.1, libonnxruntime.so, libonnxruntime.1.dylib, onnxruntime.dll … */
const LIBRARY_NAME = /^(lib)?onnxruntime(\.so(\.\d+)*|(\.\d+)*\.dylib|\.dll)$/;

export const isLibraryName = (name: string): boolean => LIBRARY_NAME.test(name);

/** The libonnxruntime among file names, by its soname (libonnxruntime.so.1) where it has several. */
export function pickLibrary(names: readonly string[]): string | undefined {
  const found = names.filter(isLibraryName).sort();
  return found.find((name) => /(\.so\.\d+|\.\d+\.dylib|\.dll)$/.test(name)) ?? found[0];
}

export const libraryIn = (folder: string): string | undefined => pickLibrary(readdirSync(folder));

const SHARED_PROVIDERS: Readonly<Record<string, string>> = {
  CUDAExecutionProvider: 'cuda',
  TensorrtExecutionProvider: 'tensorrt',
  OpenVINOExecutionProvider: 'openvino',
  DnnlExecutionProvider: 'dnnl',
};

/** Of the providers that a library was built with, those that are inside it or whose own library is beside it. */
export function providersAt(path: string, builtWith: readonly string[]): string[] {
  const names = readdirSync(dirname(path));
  return builtWith.filter((provider) => {
    const own = SHARED_PROVIDERS[provider];
    return own === undefined || names.some((name) => name.includes(`onnxruntime_providers_${own}.`));
  });
}
