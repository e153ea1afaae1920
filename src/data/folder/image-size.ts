import { FlatminError } from '../../errors.js';
import type { ImageShape } from '../images/image-shape.js';
import type { ModelInput } from '../kind.js';

/** Where nothing tells otherwise. */
const COLOURS = 3;

/**
 * What images are made: as a model's input states it, or as `imageSize` says where its sizes are open or there is no model yet.
 * @throws FlatminError INVALID_ARGUMENT where nothing tells the size, or the two differ
 */
export function imageShape(
  inputs: readonly ModelInput[] | undefined,
  imageSize: string | undefined,
): { shape: ImageShape; notes: readonly string[] } {
  const asked = imageSize === undefined ? undefined : sizeOf(imageSize);
  const stated = inputs && statedShape(inputs, asked);
  const [channels, ...sizes] = stated?.dims ?? ['channels', 'height', 'width'];
  const [height, width] = sizes.map((size, axis) => (typeof size === 'number' ? size : asked?.[axis]));
  if (height === undefined || width === undefined)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      stated
        ? `The input "${stated.name}" of the model leaves open how large images are: say it, as --image-size 224 or 224x320.`
        : 'Nothing tells how large images are to be: say it, as --image-size 32 or 224x320.',
    );
  if (asked && (asked[0] !== height || asked[1] !== width))
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The input "${stated!.name}" of the model takes images of ${height}×${width}, not ${asked.join('×')} as --image-size says: leave that out.`,
    );
  const shape: ImageShape = [typeof channels === 'number' ? channels : COLOURS, height, width];
  const notes =
    stated && typeof channels === 'string'
      ? [`The input "${stated.name}" leaves its channels open: images have ${COLOURS}.`]
      : [];
  return { shape, notes };
}

function sizeOf(text: string): [number, number] {
  const [height, width = height] = text.split('x').map(Number);
  return [height!, width!];
}

type Dims = readonly [channels: number | string, height: number | string, width: number | string];

/** The input that is images: four axes, of which the second or the last is 1 or 3 channels or open. */
function statedShape(
  inputs: readonly ModelInput[],
  asked: readonly [number, number] | undefined,
): { name: string; dims: Dims } {
  const read = inputs.flatMap(({ name, dims }) => {
    const found = dims.length === 4 ? ofImage(dims) : asked && ofFlat(dims, asked);
    return found ? [{ name, dims: found }] : [];
  });
  if (read[0]) return read[0];
  const given = inputs.map(({ name, dims }) => `"${name}" (${dims.join(' × ')})`).join(', ') || 'none';
  throw new FlatminError(
    'INVALID_MODEL',
    `The model has no input for images, batch × 1 or 3 channels × height × width or with the channels last: it has ${given}.`,
  );
}

function ofImage([, a, b, c]: readonly (number | string)[]): Dims | undefined {
  const isChannels = (dim: number | string | undefined) => dim === 1 || dim === 3;
  if (isChannels(a)) return [a!, b!, c!];
  if (isChannels(c)) return [c!, a!, b!];
  return typeof a === 'string' ? [a, b!, c!] : undefined;
}

/** Images whose axes are put together, as for a perceptron. */
function ofFlat(
  [, ...dims]: readonly (number | string)[],
  [height, width]: readonly [number, number],
): Dims | undefined {
  const numbers = dims.filter((dim) => typeof dim === 'number');
  if (numbers.length < dims.length) return ['channels', height, width];
  const channels = numbers.reduce((product, dim) => product * dim, 1) / (height * width);
  return channels === 1 || channels === 3 ? [channels, height, width] : undefined;
}
