import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';

const repository = new URL('../../../', import.meta.url).pathname;
const text = (path: string): Promise<string> => readFile(join(repository, path), 'utf8');
const exists = (path: string): boolean => existsSync(join(repository, path));

async function foldersOf(path: string, recursive = false): Promise<string[]> {
  const entries = await readdir(join(repository, path), { withFileTypes: true, recursive });
  const inside = entries.filter((entry) => entry.isDirectory());
  const folders = inside.map((entry) =>
    join(path, entry.parentPath.slice(join(repository, path).length), entry.name),
  );
  // What node-gyp makes.
  return folders.filter((folder) => !/^native\/build(\/|$)/.test(folder));
}

interface Rule {
  readonly name: string;
  readonly to: { readonly pathNot?: string };
}
const { default: flow } = (await import(join(repository, '.dependency-cruiser.mjs'))) as {
  default: { forbidden: Rule[] };
};
const planned = new Map(
  flow.forbidden
    .filter(({ name }) => name.startsWith('flow-'))
    .map(({ name, to }) => [name.slice('flow-'.length), to.pathNot ?? '']),
);

/** Folders from the bottom up. */
const order = [...planned.keys()].filter((name) => exists(`src/${name}`));

const first = ['native', ...(await foldersOf('src')), ...(await foldersOf('native'))];
const rooms = await foldersOf('native', true);
const deeper = [...(await foldersOf('src', true)), ...rooms];
const signs = [...new Set([...first, ...deeper])]
  .map((folder) => `${folder}/README.md`)
  .filter((path) => exists(path));

test('each folder directly under src, and each of native, has a README', (t) => {
  t.deepEqual(
    [...first, ...rooms].filter((folder) => !signs.includes(`${folder}/README.md`)),
    [],
  );
});

for (const path of signs) {
  test(`${path} is short, and points at what is there`, async (t) => {
    const content = await text(path);
    const lines = content.split('\n').filter((line) => line.trim() !== '');
    t.true(lines.length >= 3 && lines.length <= 8, `it has ${lines.length} lines`);
    const links = [...content.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => join(dirname(path), link!));
    t.deepEqual(
      links.filter((link) => !exists(link)),
      [],
    );
    const [, room = ''] = path.split('/');
    const allowed = planned.get(room);
    const [, below = ''] = /^Stands on (.*?)^Begin with/ms.exec(content) ?? [];
    const named = [...below.matchAll(/`(\w+)`/g)]
      .map(([, name]) => name!)
      .filter((name) => planned.has(name));
    t.deepEqual(
      named.filter((name) => allowed && !new RegExp(allowed).test(`src/${name}/a.ts`)),
      [],
      'the floor plan does not let it stand on these',
    );
  });
}

test('ARCHITECTURE.md names every folder, in the order of the floor plan', async (t) => {
  const page = await text('ARCHITECTURE.md');
  const missing = first
    .map((folder) => folder.replace(/^src\//, ''))
    .filter((name) => !page.includes(`\`${name}\` `));
  t.deepEqual(missing, []);
  const rows = [...page.matchAll(/^\| `(\w+)` \|/gm)]
    .map(([, name]) => name!)
    .filter((name) => planned.has(name));
  t.deepEqual(rows, order, 'in the order of the flow');
});

for (const page of ['ARCHITECTURE.md', 'CONTRIBUTING.md']) {
  test(`${page} names files that are there`, async (t) => {
    const paths = [...(await text(page)).matchAll(/`((?:src|native|test|scripts|docs|examples)\/[^`* ]+)`/g)];
    // NAME stands for what is added.
    const named = paths.map(([, path]) => path!).filter((path) => !path.includes('NAME'));
    t.deepEqual(
      named.filter((path) => !exists(path)),
      [],
    );
  });
}
