import type { ImageShape } from '../images/image-shape.js';
import { type RandomGenerator, uniformInt } from '../random.js';
import type { Augmentation } from './augmentation.js';

/** Where each pixel of an augmented image comes from. Pre-allocated once, filled for each sample by `drawView`. */
export interface View {
  /** Source row of each row, length H; −1 is outside. */
  readonly rows: Int32Array;
  /** Source column of each column, length W; −1 is outside. */
  readonly columns: Int32Array;
  /** The erased rectangle [top, bottom) × [left, right); empty without cutout. */
  readonly erased: { top: number; bottom: number; left: number; right: number };
}

/** The view that changes nothing. */
export function identityView([, height, width]: ImageShape): View {
  return {
    rows: Int32Array.from({ length: height }, (_, y) => y),
    columns: Int32Array.from({ length: width }, (_, x) => x),
    erased: { top: 0, bottom: 0, left: 0, right: 0 },
  };
}

/** Draws one sample's augmentation into `view`. The draws are crop row, crop column, flip, cutout row, cutout column. */
export function drawView({ crop, flip, cutout }: Augmentation, random: RandomGenerator, view: View): void {
  const { rows, columns, erased } = view;
  const padding = crop?.padding ?? 0;
  const reflect = crop?.mode === 'reflect';
  fill(rows, padding > 0 ? uniformInt(random, -padding, padding) : 0, reflect);
  fill(columns, padding > 0 ? uniformInt(random, -padding, padding) : 0, reflect);
  if (flip && random.next() < 0) columns.reverse();
  if (cutout) {
    const top = uniformInt(random, 0, rows.length - 1) - (cutout.size >> 1);
    const left = uniformInt(random, 0, columns.length - 1) - (cutout.size >> 1);
    erased.top = Math.max(0, top);
    erased.left = Math.max(0, left);
    erased.bottom = Math.min(rows.length, top + cutout.size);
    erased.right = Math.min(columns.length, left + cutout.size);
  }
}

/** Source positions of one axis shifted by `shift` pixels. */
function fill(positions: Int32Array, shift: number, reflect: boolean): void {
  const last = positions.length - 1;
  for (let i = 0; i <= last; i++) {
    const at = i + shift;
    if (at >= 0 && at <= last) positions[i] = at;
    else if (!reflect) positions[i] = -1;
    else positions[i] = at < 0 ? -at : 2 * last - at;
  }
}
