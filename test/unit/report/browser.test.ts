import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { makeReport } from '../../../src/report/report.js';
import { makeFolder, writeRun } from './folders.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

function findChromium(): string | undefined {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((path) => existsSync(path));
}

/** Looks for texts of one chart that overlap or leave it, and for a page that is wider than the window; the answer is the title. */
const PROBE = `addEventListener('load', () => {
  const faults = [];
  if (document.documentElement.scrollWidth > innerWidth) faults.push('page ' + document.documentElement.scrollWidth + ' wide');
  for (const svg of document.querySelectorAll('svg')) {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].map((one) => ({ said: one.textContent, box: one.getBoundingClientRect() }));
    for (const { said, box } of texts) {
      if (box.height < 9 && box.width < 9) faults.push('tiny: ' + said);
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
        faults.push(svg.getAttribute('aria-label') + ': outside: ' + said);
    }
    texts.forEach((a, i) => texts.slice(i + 1).forEach((b) => {
      const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      if (wide > 1 && high > 3) faults.push(svg.getAttribute('aria-label') + ': ' + a.said + ' over ' + b.said);
    }));
  }
  document.body.innerHTML = '<output>' + document.querySelectorAll('svg').length + '|' + faults.join('; ').replaceAll('<', '‹') + '</output>';
});`;

const chromium = findChromium();
const inBrowser = chromium ? test : test.skip;
if (!chromium)
  test('reports in a browser are not looked at', (t) => {
    t.log('No Chromium: set CHROMIUM_PATH to one to have charts checked for overlaps.');
    t.pass();
  });

const browse = (page: string, ...flags: string[]) =>
  promisify(execFile)(
    chromium!,
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--hide-scrollbars',
      '--window-size=1280,900',
      ...flags,
      `file://${page}`,
    ],
    { timeout: 60_000, maxBuffer: 2 ** 26 },
  );

inBrowser('at laptop width nothing in the charts overlaps, is cut off or tiny', async (t) => {
  const folder = makeFolder(t);
  folder.write('config.json', { compare: ['sgd', 'rand-sam', 'sam'], settings: {} });
  for (const name of ['sgd', 'rand-sam', 'sam']) writeRun(folder, `${name}/`, name);
  const page = await makeReport(folder.dir, { version: '1.2.3' });
  // The page's own policy would forbid the probe.
  const probed = page
    .replace(/<meta http-equiv[^>]*>/, '')
    .replace('</body>', `<script>${PROBE}</script></body>`);
  const path = join(folder.dir, 'probe.html');
  writeFileSync(path, probed);
  const { stdout } = await browse(path, '--dump-dom');
  const [, count, faults] = /<output>(\d+)\|(.*)<\/output>/.exec(stdout) ?? [];
  t.is(Number(count), (page.match(/<svg/g) ?? []).length);
  t.is(faults, '');
});

inBrowser('the page is painted under its own policy', async (t) => {
  const folder = makeFolder(t);
  writeRun(folder);
  const path = join(folder.dir, 'report.html');
  writeFileSync(path, await makeReport(folder.dir, { version: '1.2.3' }));
  const picture = join(folder.dir, 'page.png');
  await browse(path, `--screenshot=${picture}`);
  t.true(readFileSync(picture).length > 20_000, 'an empty picture');
});
