import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { fetchFromMaven } from '../../../src/provision/maven.js';
import { temporaryFolder } from './jars.js';

/** A program called mvn, first on PATH until the test ends. */
function fakeMaven(t: ExecutionContext, script: string | undefined): string {
  const folder = temporaryFolder(t);
  const { PATH } = process.env;
  if (script !== undefined) {
    writeFileSync(join(folder, 'mvn'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, 'mvn'), 0o755);
  }
  process.env.PATH = script === undefined ? folder : `${folder}${delimiter}${PATH}`;
  t.teardown(() => {
    process.env.PATH = PATH;
  });
  return folder;
}

test.serial('the jar is asked for by its coordinates, and its path returned', async (t) => {
  const folder = fakeMaven(
    t,
    `for each in "$@"; do case $each in -DoutputDirectory=*) out=\${each#*=};; esac; done
     echo "$@" > "$out/asked"
     echo "[INFO] Downloading from central: https://example.org/onnxruntime-1.28.0-1.5.14-linux-x86_64.jar"
     echo "[INFO] BUILD SUCCESS"
     echo jar > "$out/onnxruntime-1.28.0-1.5.14-linux-x86_64.jar"`,
  );
  const lines: string[] = [];
  const path = await fetchFromMaven('linux-x86_64', folder, { onLine: (line) => lines.push(line) });
  t.is(readFileSync(path, 'utf8'), 'jar\n');
  t.regex(
    readFileSync(join(folder, 'asked'), 'utf8'),
    /:copy -Dartifact=org\.bytedeco:onnxruntime:1\.28\.0-1\.5\.14:jar:linux-x86_64 /,
  );
  t.deepEqual(lines, [
    'Asking Maven for org.bytedeco:onnxruntime:1.28.0-1.5.14:jar:linux-x86_64',
    'Downloading from central: https://example.org/onnxruntime-1.28.0-1.5.14-linux-x86_64.jar',
  ]);
});

test.serial('where Maven fails, its own reason is shown without its advice', async (t) => {
  const folder = fakeMaven(
    t,
    `echo "[INFO] Scanning"
     echo "\\033[1;31m[ERROR]\\033[m Failed to execute goal: Could not transfer artifact: Unknown host repo.example.org"
     echo "[ERROR] "
     echo "[ERROR] To see the full stack trace of the errors, re-run Maven with the -e switch."
     echo "[ERROR] [Help 1] http://example.org/help"
     exit 1`,
  );
  const error = await t.throwsAsync(fetchFromMaven('linux-x86_64', folder), { instanceOf: FlatminError });
  t.is(error?.code, 'NETWORK');
  t.regex(
    error?.message ?? '',
    /^Maven could not fetch org\.bytedeco.*:\n {2}Failed to execute goal: .*Unknown host/,
  );
  t.notRegex(error?.message ?? '', /stack trace|Help 1|Scanning|\[m/);
  t.regex(error?.message ?? '', /--from JAR.*--runtime PATH/);
});

test.serial('where Maven does not even start, the end of what it said is shown', async (t) => {
  const folder = fakeMaven(
    t,
    'echo "The JAVA_HOME environment variable is not defined correctly" >&2; exit 1',
  );
  await t.throwsAsync(fetchFromMaven('linux-x86_64', folder), {
    message: /\n {2}The JAVA_HOME .* correctly\n/,
  });
});

test.serial('without Maven the error says how to get it, and what to do without', async (t) => {
  const folder = fakeMaven(t, undefined);
  const error = await t.throwsAsync(fetchFromMaven('linux-x86_64', folder), { instanceOf: FlatminError });
  t.is(error?.code, 'NOT_FOUND');
  t.regex(error?.message ?? '', /"mvn".* is not on PATH\. Install it \(apt install maven.*--from JAR/);
});

test.serial('stopping ends Maven', async (t) => {
  const folder = fakeMaven(t, 'exec sleep 60');
  const controller = new AbortController();
  const fetching = fetchFromMaven('linux-x86_64', folder, { signal: controller.signal });
  setTimeout(() => controller.abort(), 100);
  const start = performance.now();
  const error = await t.throwsAsync(fetching, { instanceOf: FlatminError });
  t.is(error?.code, 'INTERRUPTED');
  t.true(performance.now() - start < 10_000);
});
