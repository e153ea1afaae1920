/** A way to install a package, and what then runs it. */
export interface Way {
  readonly name: string;
  /** What npm installs to have it: versions of Node and of the package manager. */
  readonly packages: readonly string[];
  /** With TARBALL for the package; the first word is a program of `packages`. */
  readonly install: readonly string[];
  /** Runs a script, which comes last. */
  readonly run: readonly string[];
  /** The exit code of `install`; 0 where left out. */
  readonly endsWith?: number;
  /** Files that the empty folder begins with, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

const NODES = [20, 22, 24, 26] as const;
/** npm 12 takes Node 22 or later. */
const NPMS = [10, 11, 12] as const;
/** By the names of its settings: pnpm 12 ends with code 1 where an install script is neither allowed nor refused. */
const PNPM_SETTINGS = { 'pnpm-workspace.yaml': 'allowBuilds:\n  onnxruntime-node: false\n' };
const YARN = {
  packages: ['node@24', '@yarnpkg/cli-dist@4'],
  install: ['yarn', 'add', 'flatmin@file:TARBALL'],
};

const npm = (node: number, version: number): Way => ({
  name: `npm ${version}, node ${node}`,
  packages: [`node@${node}`, `npm@${version}`],
  install: ['npm', 'install', 'TARBALL'],
  run: ['node'],
});

const pnpm = (node: number): Way => ({
  name: `pnpm, node ${node}`,
  packages: [`node@${node}`, 'pnpm'],
  install: ['pnpm', 'add', 'TARBALL'],
  run: ['node'],
  files: PNPM_SETTINGS,
});

/** Every npm on every Node that it takes, pnpm likewise, and the others on one. */
export const WAYS: readonly Way[] = [
  ...NODES.flatMap((node) =>
    NPMS.filter((version) => version < 12 || node >= 22).map((version) => npm(node, version)),
  ),
  ...NODES.filter((node) => node >= 22).map(pnpm),
  { ...pnpm(24), name: 'pnpm, node 24, without its settings', files: {}, endsWith: 1 },
  {
    name: 'Yarn 1, node 24',
    packages: ['node@24', 'yarn@1'],
    install: ['yarn', 'add', 'file:TARBALL'],
    run: ['node'],
  },
  {
    ...YARN,
    name: 'Yarn 4, node 24',
    run: ['node'],
    files: { '.yarnrc.yml': 'nodeLinker: node-modules\nenableTelemetry: false\n', 'yarn.lock': '' },
  },
  {
    ...YARN,
    name: 'Yarn 4 with Plug’n’Play, node 24',
    run: ['yarn', 'node'],
    files: { '.yarnrc.yml': 'enableTelemetry: false\n', 'yarn.lock': '' },
  },
  { name: 'Bun', packages: ['bun'], install: ['bun', 'add', 'TARBALL'], run: ['bun'] },
  {
    name: 'Deno, after npm',
    packages: ['deno', 'node@24', 'npm@11'],
    install: ['npm', 'install', 'TARBALL'],
    run: ['deno', 'run', '--allow-all'],
  },
];
