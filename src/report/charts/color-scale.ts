/** Cividis at equal steps (Nuñez, Anderton, Renslow 2018): even in lightness, and the same to colour-blind eyes. */
const CIVIDIS = [
  '#00224e',
  '#123570',
  '#3b496c',
  '#575d6d',
  '#707173',
  '#8a8678',
  '#a59c74',
  '#c3b369',
  '#e1cc55',
  '#fee838',
];

/** Colour of a share in [0, 1]. */
export function cividis(share: number): string {
  const place = Math.min(Math.max(share, 0), 1) * (CIVIDIS.length - 1);
  const index = Math.min(Math.floor(place), CIVIDIS.length - 2);
  const [low, high] = [channels(CIVIDIS[index]!), channels(CIVIDIS[index + 1]!)];
  return `#${low.map((value, k) => hex(value + (place - index) * (high[k]! - value))).join('')}`;
}

const channels = (color: string): number[] =>
  [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
const hex = (value: number): string => Math.round(value).toString(16).padStart(2, '0');
