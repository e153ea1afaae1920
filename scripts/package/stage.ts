import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { transformSync } from 'esbuild';
import { reachableDeclarations } from './declarations.js';
import { publishedManifest } from './manifest.js';

/** Lays out the package of the built repository `root` in `folder`, anew, as it is packed and published from there. */
export function stagePackage(root: string, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  const declarations = reachableDeclarations(root);
  for (const path of listed(root)) {
    if (path.endsWith('.d.ts') && !declarations.has(path)) continue;
    const [from, to] = [join(root, path), join(folder, path)];
    mkdirSync(dirname(to), { recursive: true });
    if (path === 'package.json') writeFileSync(to, publishedManifest(readFileSync(from, 'utf8')));
    else if (/^dist\/.*\.js$/.test(path)) writeFileSync(to, smaller(readFileSync(from, 'utf8')));
    else if (path.endsWith('.d.ts')) writeFileSync(to, withTabs(readFileSync(from, 'utf8'), 4));
    else if (/^native\/.*\.(cc|h)$/.test(path)) writeFileSync(to, withTabs(readFileSync(from, 'utf8'), 2));
    else copyFileSync(from, to);
  }
}

/** Indented by tabs in place of `width` spaces each, as editors show at any width. */
const withTabs = (text: string, width: number): string =>
  text.replace(/^ +/gm, (spaces) => {
    const tabs = Math.floor(spaces.length / width);
    return '\t'.repeat(tabs) + ' '.repeat(spaces.length - tabs * width);
  });

/** What `files` of package.json comes to. */
function listed(root: string): readonly string[] {
  const pack = ['pack', '--dry-run', '--ignore-scripts', '--json'];
  const [{ files }] = JSON.parse(
    execFileSync('npm', pack, {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ) as [{ files: readonly { path: string }[] }];
  return files.map(({ path }) => path);
}

/** Without comments and indentation, in short forms, every name kept; lines short enough to be shown with an error. */
const smaller = (code: string): string =>
  transformSync(code, {
    target: 'es2023',
    charset: 'utf8',
    legalComments: 'none',
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 120,
  }).code;
