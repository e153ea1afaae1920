import type { DeviceBuffer, NativeCudaDevice, NativeCudaEvent } from '../../../addon/types.js';

const SEGMENTS = 4;
const SMALLEST_SEGMENT = 1 << 20;
/** Of what is taken, in bytes: the widest access of a kernel. */
const ALIGNMENT = 16;

interface Segment {
  readonly memory: DeviceBuffer;
  /** Behind the last work that reads it; undefined while there is none to wait for. */
  event: NativeCudaEvent | undefined;
}

/** Page-locked memory on its way to the GPU. A part is used again only when the GPU has passed all that was queued to read it. */
export class PinnedRing {
  private segments: Segment[] = [];
  private segmentBytes = 0;
  private current = 0;
  private used = 0;

  constructor(private readonly native: NativeCudaDevice) {}

  /** Memory for data that is queued to be read before the next is taken. */
  async take(byteLength: number): Promise<DeviceBuffer> {
    if (byteLength > this.segmentBytes) this.grow(byteLength);
    else if (this.used + byteLength > this.segmentBytes) await this.advance();
    const part = this.segments[this.current]!.memory.view(this.used, byteLength);
    this.used = Math.ceil((this.used + byteLength) / ALIGNMENT) * ALIGNMENT;
    return part;
  }

  private async advance(): Promise<void> {
    this.segments[this.current]!.event = this.native.record();
    this.current = (this.current + 1) % SEGMENTS;
    this.used = 0;
    const segment = this.segments[this.current]!;
    await segment.event?.wait();
    segment.event = undefined;
  }

  /** The old memory goes when the GPU has read it. */
  private grow(byteLength: number): void {
    for (const { memory } of this.segments) memory.dispose();
    this.segmentBytes = Math.max(SMALLEST_SEGMENT, 2 ** Math.ceil(Math.log2(byteLength)));
    this.segments = Array.from({ length: SEGMENTS }, () => ({
      memory: this.native.allocatePinned(this.segmentBytes),
      event: undefined,
    }));
    this.current = 0;
    this.used = 0;
  }
}
