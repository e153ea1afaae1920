import { existsSync } from 'node:fs';
import test from 'ava';
import { compareVersions, type Facts, findings, readFacts } from '../../../scripts/prebuild/facts.js';
import { recipe } from '../../../scripts/prebuild/recipe.js';
import { ENTRIES, targets } from '../../../scripts/prebuild/targets.js';
import { nodeApi, nodeExports } from '../../../scripts/prebuild/tools.js';
import { prebuilt } from '../../../src/addon/load.js';
import { packageFile } from '../../../src/package-file.js';

const made = recipe(packageFile('native'));
const napi = nodeApi(8);

test('sources, flags and include folders come from binding.gyp', (t) => {
  t.true(made.sources.length > 40);
  t.true(made.sources.includes('kernels/conv/conv.cc'));
  for (const source of made.sources) t.true(existsSync(packageFile(`native/${source}`)), source);
  t.true(made.flags.includes('-O3') && made.flags.includes('-DNAPI_VERSION=8'));
  t.true(made.includes.some((path) => existsSync(`${path}/napi.h`)));
  t.regex(made.macos, /^\d+\.\d+$/);
});

test('node.exe is said to have the functions of Node-API, without doubles', (t) => {
  const names = nodeExports().split('\n').slice(2, -1);
  t.true(names.includes('napi_create_buffer') && names.includes('napi_create_object'));
  t.is(new Set(names).size, names.length);
});

const good: Facts = {
  format: 'ELF',
  machine: 'X86_64',
  versions: ['GLIBC_2.2.5', 'GLIBC_2.27'],
  imports: ['napi_create_object', 'malloc'],
  exports: ENTRIES,
  libraries: ['libc.so.6', 'ld-linux-x86-64.so.2'],
  delayed: [],
};

test('a binary that is as it should be has no findings', (t) => {
  t.deepEqual(findings('linux-x64', good, napi), []);
});

for (const [what, changed, expected] of [
  ['a newer glibc', { versions: ['GLIBC_2.9', 'GLIBC_2.34'] }, /needs glibc 2\.34, newer than 2\.28/],
  ['the build machine’s C++ library', { libraries: ['libstdc++.so.6'] }, /libstdc\+\+\.so\.6/],
  ['versions of a C++ library', { versions: ['GLIBCXX_3.4.30'] }, /GLIBCXX_3\.4\.30/],
  ['functions of V8', { imports: ['napi_throw', '_ZN2v87Isolate10GetCurrentEv'] }, /not in Node-API: _ZN2v8/],
  [
    'a newer Node-API',
    { imports: ['node_api_create_buffer_from_arraybuffer'] },
    /not in Node-API: node_api_create/,
  ],
  ['nothing of Node', { imports: ['malloc'] }, /takes no function of Node-API/],
  ['another processor', { machine: 'AARCH64' }, /the processor is AARCH64, not x64/],
  ['another format', { format: 'PE' }, /the format is PE, not ELF/],
  ['no entry', { exports: [] }, /does not show napi_register_module_v1/],
  ['symbols of its own', { exports: [...ENTRIES, '_Znwm'] }, /could meet another library's: _Znwm/],
] as const)
  test(`a binary is refused for ${what}`, (t) => {
    t.regex(findings('linux-x64', { ...good, ...changed }, napi).join('\n'), expected);
  });

test('on Windows Node’s functions are found at their first call, for node.exe may have another name', (t) => {
  const windows: Facts = {
    ...good,
    format: 'PE',
    machine: 'AMD64',
    versions: [],
    libraries: ['KERNEL32.dll'],
  };
  t.deepEqual(findings('win32-x64', { ...windows, delayed: ['NODE.EXE'] }, napi), []);
  const bound = { ...windows, libraries: ['KERNEL32.dll', 'NODE.EXE'] };
  t.regex(
    findings('win32-x64', bound, napi).join('\n'),
    /not every system has: NODE\.EXE.*\n.*not NODE\.EXE/,
  );
});

test('on macOS the linker’s own symbols may be shown, the C++ library’s may not', (t) => {
  const mac: Facts = { ...good, format: 'MACHO', versions: [], libraries: ['/usr/lib/libSystem.B.dylib'] };
  t.deepEqual(findings('darwin-x64', { ...mac, exports: [...ENTRIES, '__dso_handle'] }, napi), []);
  t.regex(findings('darwin-x64', { ...mac, exports: [...ENTRIES, '_Znwm'] }, napi).join(), /_Znwm/);
});

test('versions are compared by their numbers', (t) => {
  t.deepEqual(
    [compareVersions('2.9', '2.28'), compareVersions('2.28', '2.28'), compareVersions('2.28', '2.2.5')],
    [-1, 0, 1],
  );
});

test('prebuilt addons that are there have no findings', (t) => {
  const python = packageFile('build/prebuild/python/bin/python');
  const there = targets(made.macos).filter(({ platform }) => existsSync(packageFile(prebuilt(platform))));
  if (there.length === 0 || !existsSync(python)) {
    t.log('none are built here: npm run prebuilds');
    return t.pass();
  }
  const facts = readFacts(
    python,
    there.map(({ platform }) => prebuilt(platform)),
  );
  t.deepEqual(
    there.flatMap(({ platform }) => findings(platform, facts[prebuilt(platform)]!, napi)),
    [],
  );
});
