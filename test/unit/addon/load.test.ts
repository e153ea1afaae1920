import test from 'ava';
import { type AddonMachine, LOCAL_BUILD, loadAddon, prebuilt } from '../../../src/addon/load.js';
import { FlatminError } from '../../../src/errors.js';

interface Fake {
  platform?: string;
  arch?: string;
  glibc?: string | undefined;
  /** Paths in the package: the addon there, or the error of loading it. */
  files?: Readonly<Record<string, object | Error>>;
}

function machine({ platform = 'linux', arch = 'x64', files = {}, ...rest }: Fake): AddonMachine {
  const at = (path: string) => path.replace(/^\/package\//, '');
  return {
    platform,
    arch,
    glibc: () => ('glibc' in rest ? rest.glibc : '2.36'),
    packageFile: (path) => `/package/${path}`,
    exists: (path) => at(path) in files,
    list: (path) => {
      const inside = Object.keys(files).filter((file) => file.startsWith(`${at(path)}/`));
      return inside.map((file) => file.split('/')[1]!);
    },
    require: (path) => {
      const found = files[at(path)];
      if (found instanceof Error) throw found;
      return found;
    },
  };
}

const refusal = (fake: Fake): string => {
  try {
    loadAddon(machine(fake));
  } catch (error) {
    if (error instanceof FlatminError && error.code === 'RUNTIME') return error.message;
    throw error;
  }
  throw new Error('it was loaded');
};
const x64 = prebuilt('linux-x64');

test('an addon that was built here is loaded before the one that the package brings', (t) => {
  const [local, brought] = [{ name: 'local' }, { name: 'brought' }];
  t.is(loadAddon(machine({ files: { [LOCAL_BUILD]: local, [x64]: brought } })), local);
  t.is(loadAddon(machine({ files: { [x64]: brought } })), brought);
  const arm = prebuilt('darwin-arm64');
  t.is(
    loadAddon(machine({ platform: 'darwin', arch: 'arm64', files: { [x64]: brought, [arm]: local } })),
    local,
  );
});

test('where there is none at all, it says how to build it', (t) => {
  const message = refusal({});
  t.regex(message, /has not been built/);
  t.true(message.includes(`/package/${LOCAL_BUILD}: not there`));
  t.true(message.includes(`/package/${x64}: not there`));
  t.regex(message, /npm run build:native/);
});

test('a platform that the package brings none for is named, with those that it has', (t) => {
  const message = refusal({
    platform: 'freebsd',
    arch: 'ia32',
    files: { [x64]: {}, [prebuilt('darwin-arm64')]: {} },
  });
  t.regex(message, /none for freebsd-ia32, only for darwin-arm64, linux-x64\./);
  t.regex(message, /node-gyp rebuild --directory "\/package\/native"/);
  t.regex(message, /FLATMIN_RUNTIME/);
});

test('musl, where Node names no glibc, is told as that', (t) => {
  const cause = new Error('Error loading shared library ld-linux-x86-64.so.2: No such file or directory');
  const message = refusal({ glibc: undefined, files: { [x64]: cause } });
  t.regex(message, /runs on musl/);
  t.regex(message, /node:24-slim/);
  t.true(message.includes(`/package/${x64}: cannot be loaded`));
});

test('a glibc that is too old is told with both versions', (t) => {
  const cause = new Error("/lib/libc.so.6: version `GLIBC_2.27' not found (required by flatmin.node)");
  const message = refusal({ glibc: '2.17', files: { [x64]: cause } });
  t.regex(message, /needs glibc 2\.27, and this system has 2\.17/);
});

test('a prebuilt addon that does not load otherwise is to be installed again', (t) => {
  const message = refusal({ files: { [x64]: new Error('file too short') } });
  t.regex(message, /damaged, or of another processor: file too short/);
  t.regex(message, /npm install flatmin --force/);
  // Where there is no glibc to ask for, nothing is said of it.
  const darwin = prebuilt('darwin-arm64');
  const other = refusal({
    platform: 'darwin',
    arch: 'arm64',
    glibc: undefined,
    files: { [darwin]: new Error('bad') },
  });
  t.notRegex(other, /musl/);
});

test('a local build that does not load is not passed over', (t) => {
  const message = refusal({ files: { [LOCAL_BUILD]: new Error('undefined symbol: x'), [x64]: {} } });
  t.regex(message, /built here does not load: undefined symbol: x/);
  t.true(message.includes(`/package/${x64}: not tried`));
  t.regex(message, /npm run build:native/);
});
