import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { LOCAL_BUILD } from '../src/addon/load.js';

// Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer in build/asan, and runs tests on it: the files named, or those
// of the addon and its kernels, the kernels for each instruction set that the processor has. For GCC on Linux; run from the repository
// root. Ends with code 1 where a test fails or a sanitizer found something.
const folder = resolve('build/asan');
const reports = join(folder, 'reports');
const compiler = process.env.CXX ?? 'c++';

/** What measures memory, which the sanitizers use more of, is left out. */
const addonTests = [
  ...[
    'binding',
    'concurrency',
    'device-buffer',
    'kernel-shapes',
    'lifetime',
    'misuse',
    'philox',
    'region',
    'region-functions',
    'region-refusals',
    'session',
  ].map((name) => `dist/test/native/${name}.test.js`),
  'dist/test/native/cuda/{events,exclusive,kernels,misuse,opening}.test.js',
  'dist/test/unit/vectors/**/*.test.js',
];
const kernelTests = [
  'dist/test/gradcheck/{architectures,gradcheck}.test.js',
  'dist/test/unit/session/*.test.js',
];

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): boolean {
  return spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } }).status === 0;
}

/** The flags come after those of binding.gyp, whose optimization they lower. */
function build(): boolean {
  const native = join(folder, 'native');
  mkdirSync(native, { recursive: true });
  for (const name of readdirSync('native').filter((each) => each !== 'build'))
    if (!existsSync(join(native, name))) symlinkSync(resolve('native', name), join(native, name));
  const sanitize = '-fsanitize=address,undefined';
  return run('npx', ['node-gyp', 'configure', 'build', '--silent', '--directory', native], {
    CXXFLAGS: `-O1 -g1 -fno-omit-frame-pointer ${sanitize}`,
    LDFLAGS: sanitize,
  });
}

/** Preloaded into every process: what asks for the addon gets the sanitized one. */
function redirection(): string {
  const path = join(folder, 'redirect.cjs');
  const [from, to] = [resolve(LOCAL_BUILD), join(folder, LOCAL_BUILD)];
  writeFileSync(
    path,
    `const { dlopen } = process;
process.dlopen = (module, file, ...flags) => dlopen(module, file === ${JSON.stringify(from)} ? ${JSON.stringify(to)} : file, ...flags);
`,
  );
  return path;
}

function test(files: readonly string[], env: NodeJS.ProcessEnv = {}): boolean {
  const log = `log_path=${join(reports, 'report')}`;
  return run('npx', ['ava', '--concurrency=1', '--timeout=30m', ...files], {
    NODE_OPTIONS: `--require ${redirection()}`,
    // Node and ONNX Runtime leave memory to the end of the process; theirs is not what is looked for.
    ASAN_OPTIONS: `detect_leaks=0:quarantine_size_mb=64:${log}`,
    UBSAN_OPTIONS: `print_stacktrace=1:${log}`,
    LD_PRELOAD: execFileSync(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim(),
    ...env,
  });
}

const named = process.argv.slice(2);
rmSync(reports, { recursive: true, force: true });
if (!build())
  throw new Error('the addon does not build with sanitizers: that needs GCC with libasan and libubsan');
mkdirSync(reports);
const passed =
  named.length > 0
    ? [test(named)]
    : [
        test(addonTests),
        ...[undefined, 'avx2', 'generic'].map((FLATMIN_ISA) => test(kernelTests, { FLATMIN_ISA })),
      ];
// A warning that the emulated GPU switches stacks is no finding.
const found = readdirSync(reports)
  .map((name) => readFileSync(join(reports, name), 'utf8'))
  .filter((text) => /ERROR: AddressSanitizer|runtime error:/.test(text));
for (const text of found) console.error(text);
const failures = passed.filter((each) => !each).length;
console.log(
  `\nSanitizers: ${found.length === 0 ? 'no finding' : `findings of ${found.length} processes`}; ` +
    `${failures === 0 ? 'all tests passed' : `${failures} of ${passed.length} runs of tests failed`}.`,
);
process.exitCode = found.length + failures === 0 ? 0 : 1;
