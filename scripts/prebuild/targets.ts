/** A platform that the package brings an addon for. */
export interface Target {
  /** As process.platform and process.arch: `linux-x64`. */
  readonly platform: string;
  /** What zig calls it, with the oldest system that it is to run on. */
  readonly zig: string;
  /** Sources that this platform alone has, from the root of the repository. */
  readonly sources?: readonly string[];
  /** As dlltool names the processor; for Windows, where the linker wants to know which file has Node's functions. */
  readonly dlltool?: string;
}

/** What Node looks for in an addon. */
export const ENTRIES = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'] as const;
/** The newest glibc that may be needed: what onnxruntime-node's own libraries need. */
export const GLIBC = '2.28';
/** Bytes that an addon may have, of the size budget of the package (test/e2e/published-files.test.ts). */
export const LARGEST = 2.25e6;

/** The file of Node's functions on Windows, as the addon names it; which file it is in truth, the hook says. */
export const NODE_EXE = 'NODE.EXE';
const hook = 'scripts/prebuild/delay_load_hook.cc';
const operators = 'scripts/prebuild/operators.cc';

/** @param macos the oldest macOS */
export const targets = (macos: string): readonly Target[] => [
  { platform: 'linux-x64', zig: `x86_64-linux-gnu.${GLIBC}`, sources: ['scripts/prebuild/cpu_model.cc'] },
  { platform: 'linux-arm64', zig: `aarch64-linux-gnu.${GLIBC}` },
  { platform: 'darwin-arm64', zig: `aarch64-macos.${macos}`, sources: [operators] },
  { platform: 'darwin-x64', zig: `x86_64-macos.${macos}`, sources: [operators] },
  { platform: 'win32-x64', zig: 'x86_64-windows-gnu', sources: [hook], dlltool: 'i386:x86-64' },
  { platform: 'win32-arm64', zig: 'aarch64-windows-gnu', sources: [hook], dlltool: 'arm64' },
];
