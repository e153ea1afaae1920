/** Where a span is drawn: steps overlap on a GPU; work nests. */
export type Track = 'step' | 'data' | 'work';

/** Something of flatmin's own that took time. */
export interface Span {
  readonly name: string;
  readonly track: Track;
  /** Milliseconds of performance.now(). */
  readonly start: number;
  readonly end: number;
  readonly args?: Readonly<Record<string, unknown>> | undefined;
}

export class Spans {
  readonly all: Span[] = [];

  add(name: string, track: Track, start: number, end: number, args?: Span['args']): void {
    this.all.push({ name, track, start, end, ...(args && { args }) });
  }

  /** Does work, and keeps when. */
  async around<T>(name: string, work: () => Promise<T>, args?: Span['args']): Promise<T> {
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.add(name, 'work', start, performance.now(), args);
    }
  }
}

/** Name of the spans of gradients. */
export const GRADIENT = 'gradient';
/** Name of the spans of vector programs; their `args` say what they do. */
export const VECTORS = 'vector program';
