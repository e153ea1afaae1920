import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Installs programs of npm's packages under `root`, each once, by the npm of this machine; the folders that a PATH to them begins with. */
export function programsIn(root: string): (packages: readonly string[]) => readonly string[] {
  const homes = new Map<string, string>();
  return (packages) =>
    packages.map((name) => {
      const known = homes.get(name);
      if (known) return known;
      const home = join(root, 'programs', name.replace(/\W+/g, '-'));
      mkdirSync(home, { recursive: true });
      // Packages that fetch their binary in a script.
      const allowScripts = Object.fromEntries(['node', 'bun', 'deno'].map((each) => [each, true]));
      writeFileSync(join(home, 'package.json'), JSON.stringify({ allowScripts }));
      const install = ['install', '--no-audit', '--no-fund', name];
      const { status, stderr } = spawnSync('npm', install, { cwd: home, encoding: 'utf8' });
      if (status !== 0) throw new Error(`${name}: ${stderr}`);
      const path = join(home, 'node_modules/.bin');
      homes.set(name, path);
      return path;
    });
}
