import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

interface Manifest {
  readonly exports: Readonly<Record<string, { readonly types: string }>>;
}

/** The declaration files that imports of the package lead to, by paths from its root. */
export function reachableDeclarations(root: string): ReadonlySet<string> {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const reached = new Set(Object.values(exports).map(({ types }) => join(types)));
  for (const file of reached)
    for (const { fileName } of ts.preProcessFile(readFileSync(join(root, file), 'utf8')).importedFiles)
      if (fileName.startsWith('.')) reached.add(join(file, '..', fileName.replace(/\.js$/, '.d.ts')));
  return reached;
}
