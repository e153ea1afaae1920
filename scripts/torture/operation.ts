/** What changes files under a folder; paths are relative to it. `file` numbers what is opened, and stays with it through renames. */
export type FileOperation =
  | { readonly kind: 'open'; readonly file: number; readonly path: string; readonly truncates: boolean }
  | {
      readonly kind: 'write';
      readonly file: number;
      readonly path: string;
      readonly at: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: 'truncate'; readonly file: number; readonly path: string; readonly length: number }
  | { readonly kind: 'sync'; readonly file: number; readonly path: string }
  | { readonly kind: 'sync folder'; readonly path: string }
  | { readonly kind: 'make folder'; readonly path: string }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string }
  | { readonly kind: 'link'; readonly path: string; readonly to: string }
  | { readonly kind: 'unlink'; readonly path: string };

/** Told of each operation. */
export interface FileObserver {
  /**
   * May throw what the operation is to fail with.
   * @returns of a write, how many bytes it is to write; undefined: all
   */
  before?(operation: FileOperation): number | undefined;
  /** Once it has succeeded. */
  after?(operation: FileOperation): void;
}
