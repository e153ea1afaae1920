import type { ErrorCode } from '../../errors.js';

/** What a child is asked to do; all of it plain data. */
export interface ChildRequest {
  readonly task: string;
  readonly args: readonly unknown[];
}

/** What comes of it: some results on the way, and an end. */
export type ChildMessage =
  | { readonly kind: 'progress'; readonly value: unknown }
  | { readonly kind: 'result'; readonly value: unknown }
  | {
      readonly kind: 'error';
      readonly code: ErrorCode | undefined;
      readonly name: string;
      readonly message: string;
      readonly stack: string | undefined;
    };
