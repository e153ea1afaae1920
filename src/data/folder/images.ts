import { FlatminError } from '../../errors.js';
import { centred } from '../augment/boxes.js';
import { type Pixels, type Resampling, resample } from '../augment/resample.js';
import { type ImageShape, pixelsOf } from '../images/image-shape.js';
import { type Decoder, openDecoder, reasonOf } from './decode.js';
import { type FileList, fileAt } from './file-list.js';
import { Gate } from './gate.js';

/** Decodes under way in a thread: as many as libuv has threads for them. */
const AT_ONCE = 4;

/** Images at the model's size, on shared memory: whichever thread decodes one first puts it there for all. */
export interface Kept {
  /** Planes of the first images of the list, as many as fit. */
  readonly pixels: Uint8Array;
  /** 1 where an image is there. */
  readonly filled: Uint8Array;
}

/** Files, and how they are read; plain data. */
export interface FileImages {
  readonly files: FileList;
  /** Of the model's images. */
  readonly shape: ImageShape;
  readonly kept: Kept;
  /** Whether an image is evaluated as a whole, not its centre. */
  readonly isWhole?: boolean;
  /** What to do about a file that cannot be decoded, for people. */
  readonly mend: string;
}

/** Memory for the first images of a list, of at most `budget` bytes. */
export function keptImages(count: number, shape: ImageShape, budget: number): Kept {
  const pixels = pixelsOf(shape);
  const held = Math.min(count, Math.floor(budget / pixels));
  return {
    pixels: new Uint8Array(new SharedArrayBuffer(held * pixels)),
    filled: new Uint8Array(new SharedArrayBuffer(held)),
  };
}

/** Planes at the model's size. */
interface PlainImage {
  readonly images: Uint8Array;
  readonly from: number;
}

/** Reads images in one thread. */
export class ImageReader {
  private readonly decoder: Promise<Decoder>;
  private readonly gate = new Gate(AT_ONCE);

  constructor(private readonly images: FileImages) {
    this.decoder = openDecoder();
    this.decoder.catch(() => {});
  }

  /**
   * One image, decoded, handed to `use` before another one is.
   * @throws FlatminError INVALID_DATA naming the file that cannot be decoded
   */
  async read<T>(index: number, use: (pixels: Pixels) => T): Promise<T> {
    const decoder = await this.decoder;
    return this.gate.run(async () => {
      const file = fileAt(this.images.files, index);
      const pixels = await decoder.decode(file, this.images.shape[0]).catch((cause) => {
        throw new FlatminError(
          'INVALID_DATA',
          `${file} cannot be decoded: ${reasonOf(cause)}. ${this.images.mend}`,
          { cause },
        );
      });
      return use(pixels);
    });
  }

  /** The planes of an image at the model's size, as it is evaluated, where they are kept. */
  held(index: number): PlainImage | undefined {
    const { kept } = this.images;
    const isFilled = index < kept.filled.length && Atomics.load(kept.filled, index) === 1;
    return isFilled ? this.placeOf(index) : undefined;
  }

  /** The same of any image: in `kept`, or in an array of its own. @param look told the decoded image before it is kept */
  async plain(index: number, look?: (pixels: Pixels) => void): Promise<PlainImage> {
    const { shape, kept } = this.images;
    const size = pixelsOf(shape);
    const held = this.held(index);
    if (held) return held;
    const place = index < kept.filled.length ? this.placeOf(index) : undefined;
    return this.read(index, (pixels) => {
      look?.(pixels);
      const to = place ?? { images: new Uint8Array(size), from: 0 };
      resample(pixels, plainView(pixels, this.images), to.images, to.from);
      // Two threads may do it: they write the same.
      if (place) Atomics.store(kept.filled, index, 1);
      return to;
    });
  }

  private placeOf(index: number): PlainImage {
    const { kept, shape } = this.images;
    return { images: kept.pixels, from: index * pixelsOf(shape) };
  }
}

/** How an image is evaluated. */
export function plainView(
  { height, width }: Pixels,
  { shape, isWhole = false }: Pick<FileImages, 'shape' | 'isWhole'>,
): Resampling {
  const box = { top: 0, left: 0, height, width };
  return isWhole ? { box, height: shape[1], width: shape[2] } : centred(box, shape[1], shape[2]);
}
