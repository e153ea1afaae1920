/** Colours of a chart: CSS values, which in a page may be variables. */
export interface Theme {
  /** Text. */
  readonly ink: string;
  /** Tick labels. */
  readonly muted: string;
  readonly axis: string;
  readonly grid: string;
  readonly background: string;
  /** One for each series, distinct to colour-blind readers. */
  readonly series: readonly string[];
}

/** Okabe and Ito's palette (2008), without its yellow, which is faint on white; black's place is taken by the text colour. */
const OKABE_ITO = {
  blue: '#0072b2',
  vermillion: '#d55e00',
  green: '#009e73',
  purple: '#cc79a7',
  orange: '#e69f00',
  sky: '#56b4e9',
};

const { blue, vermillion, green, purple, orange, sky } = OKABE_ITO;

/** For charts that stand alone. */
export const light: Theme = {
  ink: '#1c1e21',
  muted: '#555b63',
  axis: '#8b929b',
  grid: '#e3e6ea',
  background: '#ffffff',
  series: [blue, vermillion, green, purple, orange, sky, '#1c1e21'],
};

/** Blue gives way to sky blue and orange to the front: the lighter ones of the palette. */
const dark: Theme = {
  ink: '#e8eaed',
  muted: '#b0b7c0',
  axis: '#7b838d',
  grid: '#353a41',
  background: '#181a1e',
  series: [sky, orange, '#1fbf92', '#dd97bd', vermillion, '#3f9bd6', '#e8eaed'],
};

const NAMES = ['ink', 'muted', 'axis', 'grid', 'background'] as const;

/** For charts in a page with `themeCss`. */
export const pageTheme: Theme = {
  ...(Object.fromEntries(NAMES.map((name) => [name, `var(--${name})`])) as Omit<Theme, 'series'>),
  series: light.series.map((_, i) => `var(--series-${i})`),
};

const variables = (theme: Theme): string =>
  [
    ...NAMES.map((name) => `--${name}:${theme[name]}`),
    ...theme.series.map((color, i) => `--series-${i}:${color}`),
  ].join(';');

/** The variables of `pageTheme` for light and dark. */
export const themeCss = `:root{color-scheme:light dark;${variables(light)}}
@media (prefers-color-scheme:dark){:root{${variables(dark)}}}
@media print{:root{${variables(light)}}}`;

/** Told apart in print and by any eye: a dash for each round of the palette's neighbours. */
const DASHES: readonly (readonly number[] | 'solid')[] = ['solid', [7, 3], [2, 3], [9, 3, 2, 3]];
const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond'] as const;

export const colorOf = (theme: Theme, index: number): string => theme.series[index % theme.series.length]!;
export const dashOf = (index: number) => DASHES[index % DASHES.length]!;
export const symbolOf = (index: number) => SYMBOLS[index % SYMBOLS.length]!;
