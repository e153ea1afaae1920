/** A way to install a package, and what then runs it. */
export interface Way {
  readonly name: string;
  /** What npm installs to have it: versions of Node and of the package manager. */
  readonly packages: readonly string[];
  /** With TARBALL for the package; the first word is a program of `packages`. */
  readonly install: readonly string[];
  /** Runs a script, which comes last. */
  readonly run: readonly string[];
  /** It is tried, and not said to work. */
  readonly optional?: boolean;
  /** Files that the empty folder begins with, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

const NODES = ['node@22', 'node@24', 'node@26'] as const;
const npm = (node: string, version: number): Way => ({
  name: `npm ${version}, ${node.replace('@', ' ')}`,
  packages: [node, `npm@${version}`],
  install: ['npm', 'install', 'TARBALL'],
  run: ['node'],
});

/** npm's three versions on the Node that each came with or is tried with, and the others on one. */
export const WAYS: readonly Way[] = [
  ...NODES.flatMap((node) => [10, 11, 12].map((version) => npm(node, version))),
  ...NODES.map((node) => ({
    name: `pnpm, ${node.replace('@', ' ')}`,
    packages: [node, 'pnpm'],
    install: ['pnpm', 'add', 'TARBALL'],
    run: ['node'],
  })),
  {
    name: 'Yarn 1, node 24',
    packages: ['node@24', 'yarn@1'],
    install: ['yarn', 'add', 'file:TARBALL'],
    run: ['node'],
  },
  {
    name: 'Yarn 4, node 24',
    packages: ['node@24', '@yarnpkg/cli-dist@4'],
    install: ['yarn', 'add', 'flatmin@file:TARBALL'],
    run: ['node'],
    files: { '.yarnrc.yml': 'nodeLinker: node-modules\nenableTelemetry: false\n', 'yarn.lock': '' },
  },
  { name: 'Bun', packages: ['bun'], install: ['bun', 'add', 'TARBALL'], run: ['bun'], optional: true },
  {
    name: 'Deno, after npm',
    packages: ['deno', 'node@24', 'npm@11'],
    install: ['npm', 'install', 'TARBALL'],
    run: ['deno', 'run', '--allow-all'],
    optional: true,
  },
];
