/** What a process that runs probes tells. */
export type ProbeMessage =
  | { readonly kind: 'begin'; readonly place: number }
  /** With a reason where the kernel is missing or wrong. */
  | { readonly kind: 'end'; readonly place: number; readonly reason?: string }
  | { readonly kind: 'done' }
  /** The library or the device cannot be used at all. */
  | { readonly kind: 'unusable'; readonly reason: string };
