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
  /** What else is done there, command by command: each has to end with code 0. */
  readonly also?: readonly (readonly string[])[];
  /** Files that the empty folder begins with, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

const NODES = [20, 22, 24, 26] as const;
const MAINTAINED = NODES.filter((node) => node >= 22);
/** npm 12 takes Node 22 or later. */
const NPMS = [10, 11, 12] as const;
/** By the names of its settings: pnpm 12 ends with code 1 where an install script is neither allowed nor refused. */
const PNPM_SETTINGS = { 'pnpm-workspace.yaml': 'allowBuilds:\n  onnxruntime-node: false\n' };
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

const yarn1 = (node: number): Way => ({
  name: `Yarn 1, node ${node}`,
  packages: [`node@${node}`, 'yarn@1'],
  install: ['yarn', 'add', 'file:TARBALL'],
  run: ['node'],
});

const yarn4 = (node: number): Way => ({
  name: `Yarn 4, node ${node}`,
  packages: [`node@${node}`, '@yarnpkg/cli-dist@4'],
  install: ['yarn', 'add', 'flatmin@file:TARBALL'],
  run: ['node'],
  files: { '.yarnrc.yml': 'nodeLinker: node-modules\nenableTelemetry: false\n', 'yarn.lock': '' },
});

/** What a user does first, with the package that was installed. */
const FIRST_MINUTE = [
  ['npx', 'flatmin'],
  ['npx', 'flatmin', 'demo', '--out', 'demo'],
  ['npx', 'flatmin', 'report', 'demo'],
  ...['bash', 'zsh', 'fish'].map((shell) => ['npx', 'flatmin', 'completion', shell]),
  ['npx', 'flatmin', 'init', 'project'],
  ['npm', 'install', '--prefix', 'project', 'TARBALL'],
  ['npm', 'start', '--prefix', 'project'],
];

/** Every npm on every Node that it takes; pnpm and Yarn on those that are maintained, and the others on one. */
export const WAYS: readonly Way[] = [
  ...[npm(22, 11), npm(24, 12)].map((way) => ({
    ...way,
    name: `${way.name}, the first minute`,
    also: FIRST_MINUTE,
  })),
  ...NODES.flatMap((node) =>
    NPMS.filter((version) => version < 12 || node >= 22).map((version) => npm(node, version)),
  ),
  ...MAINTAINED.map(pnpm),
  { ...pnpm(24), name: 'pnpm, node 24, without its settings', files: {}, endsWith: 1 },
  ...MAINTAINED.flatMap((node) => [yarn1(node), yarn4(node)]),
  {
    ...yarn4(24),
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
