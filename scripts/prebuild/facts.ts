import { execFileSync } from 'node:child_process';
import { ENTRIES, GLIBC, NODE_EXE, type Target } from './targets.js';

/** What read.py finds in a binary. */
export interface Facts {
  readonly format: string;
  readonly machine: string;
  /** Versions of symbols, as GLIBC_2.17. */
  readonly versions: readonly string[];
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  readonly libraries: readonly string[];
  /** Libraries that are looked for at the first call into them. */
  readonly delayed: readonly string[];
}

/** Reads binaries of any platform. */
export function readFacts(python: string, files: readonly string[]): Readonly<Record<string, Facts>> {
  return JSON.parse(
    execFileSync(python, ['scripts/prebuild/read.py', ...files], { encoding: 'utf8' }),
  ) as Record<string, Facts>;
}

/** By operating system: the format, the libraries that every installation has, and the symbols that the linker shows of itself. */
const systems: Readonly<Record<string, { format: string; libraries: RegExp; linker?: readonly string[] }>> = {
  linux: { format: 'ELF', libraries: /^(ld-linux-[\w-]+|libc|libm|libdl|libpthread)\.so\.\d$/ },
  darwin: {
    format: 'MACHO',
    libraries: /^\/usr\/lib\/libSystem\.B\.dylib$/,
    linker: ['__dso_handle', '_mh_dylib_header'],
  },
  win32: { format: 'PE', libraries: /^(KERNEL32\.dll|api-ms-win-crt-[\w-]+\.dll)$/i },
};
const machines: Readonly<Record<string, RegExp>> = { x64: /^(X86_64|AMD64)$/, arm64: /^(AARCH64|ARM64)$/ };

/** -1, 0 or 1 as versions of numbers are older, equal or newer. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number)) as [number[], number[]];
  for (let part = 0; part < Math.max(left.length, right.length); part++) {
    const difference = (left[part] ?? 0) - (right[part] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  return 0;
}

/** The newest glibc that is needed; undefined where none is. */
export const neededGlibc = ({ versions }: Facts): string | undefined =>
  versions
    .filter((name) => name.startsWith('GLIBC_'))
    .map((name) => name.slice('GLIBC_'.length))
    .sort(compareVersions)
    .at(-1);

/**
 * What a prebuilt addon has that it must not have, or lacks.
 * @param nodeApi the functions of Node-API, by which alone it may reach into Node
 */
export function findings(platform: Target['platform'], facts: Facts, nodeApi: ReadonlySet<string>): string[] {
  const [os, arch] = platform.split('-') as [string, string];
  const system = systems[os]!;
  const found: string[] = [];
  const say = (text: string) => found.push(`${platform}: ${text}`);
  if (facts.format !== system.format) say(`the format is ${facts.format}, not ${system.format}`);
  if (!machines[arch]!.test(facts.machine)) say(`the processor is ${facts.machine}, not ${arch}`);
  const strangers = facts.libraries.filter((name) => !system.libraries.test(name));
  if (strangers.length > 0) say(`needs libraries that not every system has: ${strangers.join(', ')}`);
  const delayed = os === 'win32' ? [NODE_EXE] : [];
  if (facts.delayed.join() !== delayed.join())
    say(
      `looks at the first call for ${facts.delayed.join(', ') || 'no library'}, not ${delayed.join() || 'for none'}`,
    );
  const others = facts.versions.filter((name) => !/^GLIBC_[\d.]+$/.test(name));
  if (others.length > 0) say(`needs versions of other libraries than glibc: ${others.join(', ')}`);
  const glibc = neededGlibc(facts);
  if (glibc !== undefined && compareVersions(glibc, GLIBC) > 0)
    say(`needs glibc ${glibc}, newer than ${GLIBC}`);
  const node = facts.imports.filter((name) => /^(napi|node)_|^_ZN?K?(2v8|4node)|^uv_/.test(name));
  if (node.length === 0) say('takes no function of Node-API');
  const beyond = node.filter((name) => !nodeApi.has(name));
  if (beyond.length > 0) say(`takes of Node what is not in Node-API: ${beyond.join(', ')}`);
  for (const name of ENTRIES) if (!facts.exports.includes(name)) say(`does not show ${name}`);
  const expected: readonly string[] = [...ENTRIES, ...(system.linker ?? [])];
  const shown = facts.exports.filter((name) => !expected.includes(name));
  if (shown.length > 0)
    say(`shows symbols that could meet another library's: ${shown.slice(0, 5).join(', ')}`);
  return found;
}
