import test from 'ava';
import type { LandscapeFile } from '../../../src/formats/landscape-file.js';
import { landscapeCsv } from '../../../src/formats/landscape-file.js';
import { cividis } from '../../../src/report/charts/color-scale.js';
import { contour } from '../../../src/report/charts/contours.js';
import { formatNumber, formatTick } from '../../../src/report/html/numbers.js';
import { landscapePictures } from '../../../src/report/landscape-pictures.js';
import { thinned } from '../../../src/report/sections/thinned.js';
import { curves, surface } from './folders.js';

test('contour lines of a plane and of a bowl lie where the values are the level', (t) => {
  const xs = [0, 1, 2, 4];
  const ys = [0, 2, 3];
  const plane = ys.map((y) => xs.map((x) => 2 * x + y));
  const segments = contour(xs, ys, plane, 3.5);
  t.true(segments.length >= 3);
  for (const [x, y] of segments.flat()) t.true(Math.abs(2 * x + y - 3.5) < 1e-12);

  const axis = Array.from({ length: 41 }, (_, i) => -1 + i / 20);
  const circle = contour(
    axis,
    axis,
    axis.map((y) => axis.map((x) => x * x + y * y)),
    0.5,
  );
  for (const [x, y] of circle.flat()) t.true(Math.abs(Math.hypot(x, y) - Math.SQRT1_2) < 2e-3);
  const length = circle.reduce((sum, [a, b]) => sum + Math.hypot(a[0] - b[0], a[1] - b[1]), 0);
  t.true(Math.abs(length - 2 * Math.PI * Math.SQRT1_2) < 0.02, 'the circle is whole');
});

test('a saddle has two lines, and a square with a missing corner none', (t) => {
  t.is(
    contour(
      [0, 1],
      [0, 1],
      [
        [1, 0],
        [0, 1],
      ],
      0.4,
    ).length,
    2,
  );
  t.deepEqual(
    contour(
      [0, 1],
      [0, 1],
      [
        [1, null],
        [0, 1],
      ],
      0.4,
    ),
    [],
  );
});

test('the colours go from dark to light', (t) => {
  const lightness = (color: string) =>
    [1, 3, 5].reduce(
      (sum, at, k) => sum + [0.2126, 0.7152, 0.0722][k]! * Number.parseInt(color.slice(at, at + 2), 16),
      0,
    );
  const shades = Array.from({ length: 21 }, (_, i) => lightness(cividis(i / 20)));
  shades.slice(1).forEach((shade, i) => {
    t.true(shade > shades[i]!);
  });
  t.is(cividis(-1), cividis(0));
  t.is(cividis(2), cividis(1));
});

test('numbers have four digits, and powers of ten where they are far from one', (t) => {
  t.deepEqual(
    [0.0042, 97.3, 12, -0.001657, 1.2e-7, 3e9 + 0.5, 0, null, Number.NaN].map((value) => formatNumber(value)),
    ['0.004200', '97.30', '12', '−0.001657', '1.200 × 10⁻⁷', '3.000 × 10⁹', '0', '–', 'NaN'],
  );
  t.deepEqual([0.30000000000000004, 1e-5, 2.5e-6, -0.5, 1e7].map(formatTick), [
    '0.3',
    '10⁻⁵',
    '2.5 × 10⁻⁶',
    '−0.5',
    '10⁷',
  ]);
});

test('thinning keeps the mean, and the ends of a schedule', (t) => {
  const points = Array.from({ length: 4000 }, (_, i) => [i, i % 2] as const);
  const means = thinned(points, 'mean');
  t.is(means.every, 10);
  t.is(means.points.length, 400);
  t.true(means.points.every(([, y]) => y === 0.5));
  const firsts = thinned(points, 'first').points;
  t.deepEqual([firsts[0], firsts.at(-1)], [points[0], points.at(-1)]);
  t.is(thinned(points.slice(0, 400), 'mean').every, 1);
});

test('a loss surface becomes SVG, PNG and CSV', (t) => {
  for (const file of [curves, surface] as unknown as LandscapeFile[]) {
    const { svg, png } = landscapePictures(file);
    t.regex(svg, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    t.false(svg.includes('var('), 'colours that only a page knows');
    t.deepEqual([...png.slice(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
  }
  t.is(
    landscapeCsv(curves as unknown as LandscapeFile),
    'a,loss_random,loss_gradient\n-1,1,0.2\n0,0.1,0.1\n1,1.2,\n',
  );
  const rows = landscapeCsv(surface as unknown as LandscapeFile).split('\n');
  t.deepEqual([rows[0], rows[1], rows[9]], ['a,b,loss', '-1,-1,2.1', '1,1,']);
});
