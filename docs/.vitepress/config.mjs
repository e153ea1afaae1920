import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { katex } from '@mdit/plugin-katex';
import { slug } from 'github-slugger';
import { defineConfig } from 'vitepress';
import { equations } from '../../dist/scripts/site/equations.js';
import { siteLinks } from '../../dist/scripts/site/links.js';
import { longCells } from '../../dist/scripts/site/long-cells.js';
import { longCode } from '../../dist/scripts/site/long-code.js';
import { chapters, pathOnSite, REFERENCE } from '../../dist/scripts/site/pages.js';
import { programs } from '../../dist/scripts/site/programs.js';
import { shortCode } from '../../dist/scripts/site/short-code.js';
import { units } from '../../dist/scripts/site/units.js';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const { exports: rooms } = JSON.parse(readFileSync(`${repository}package.json`, 'utf8'));

const fileOf = ({ realPath, path }) => relative(repository, realPath ?? path);
const link = (file) => `/${pathOnSite(file).replace(/(^|(?<=\/))index\.md$|\.md$/, '')}`;
const item = ({ text, file }) => ({ text, link: link(file) });
const roomsOfLibrary = Object.keys(rooms).map((room) => {
  const name = room.replace(/^\./, 'flatmin');
  return item({ text: name, file: `${REFERENCE}${name}.md` });
});

// The loss around a sharp minimum and a flat one.
const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" fill="#3451b2"/><path d="M4 6Q7 26 10 14Q12 7 15 14Q19 26 24 24Q27 23 28 8" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round"/></svg>';

// The pages are files of the repository, which link to each other as there.
export default defineConfig({
  title: 'flatmin',
  description: 'Train any ONNX model from Node.js and find flat minima.',
  lang: 'en',
  head: [['link', { rel: 'icon', href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],
  srcDir: '..',
  outDir: '../build/site',
  cacheDir: '../build/vitepress',
  base: process.env.FLATMIN_SITE_BASE ?? '/',
  srcExclude: [
    'README.md',
    '{bench,data,dist,native,onnx-models,runs,scripts,src,templates,test}/**',
    'docs/api/**',
    `build/!(${REFERENCE.split('/')[1]})/**`,
  ],
  rewrites: (file) => pathOnSite(file) ?? file,
  markdown: {
    anchor: { slugify: (text) => slug(text) },
    config(md) {
      md.use(katex);
      md.use(shortCode);
      md.use(units);
      md.use(longCells);
      md.use(longCode);
      md.use(equations);
      siteLinks(md, fileOf);
      programs(md, repository, fileOf);
    },
  },
  vite: { publicDir: false, build: { chunkSizeWarningLimit: 2000 } },
  themeConfig: {
    sidebar: chapters.map(({ text, pages }) => ({
      text,
      items: pages.map((page) =>
        page.file.startsWith(REFERENCE)
          ? { ...item(page), collapsed: true, items: roomsOfLibrary }
          : item(page),
      ),
    })),
    outline: [2, 3],
    search: { provider: 'local' },
    docFooter: { prev: 'Before', next: 'Next' },
  },
});
