import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { FlatminError } from '../errors.js';

/** The training build: JavaCPP's build of ONNX Runtime, which is compiled with training. */
const ARTIFACT = { group: 'org.bytedeco', name: 'onnxruntime', version: '1.28.0-1.5.14' } as const;

/** With its version, so that Maven does not look for the newest first: an error then is about the network and not about a prefix. */
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy';

export const coordinatesOf = (classifier: string): string =>
  `${ARTIFACT.group}:${ARTIFACT.name}:${ARTIFACT.version}:jar:${classifier}`;

export interface FetchOptions {
  signal?: AbortSignal | undefined;
  /** Takes lines on what is fetched. */
  onLine?: ((line: string) => void) | undefined;
}

const ALTERNATIVES =
  'Or bring the jar from another machine and run "flatmin runtime install --from JAR", or name the library of a training build with --runtime PATH.';

/**
 * Fetches the jar of a build into a folder with Maven's client, which checks it against its published digest. Returns the jar's path.
 * @throws FlatminError NOT_FOUND without mvn, NETWORK with Maven's reason, INTERRUPTED
 */
export async function fetchFromMaven(
  classifier: string,
  folder: string,
  { signal, onLine }: FetchOptions = {},
): Promise<string> {
  onLine?.(`Asking Maven for ${coordinatesOf(classifier)}`);
  const lines: string[] = [];
  const listen = (line: string) => {
    lines.push(line);
    if (/^Download(ing|ed) from .*onnxruntime-.*\.jar/.test(line)) onLine?.(line);
  };
  const code = await copyArtifact(coordinatesOf(classifier), folder, listen, signal).catch((cause) => {
    if (signal?.aborted) throw new FlatminError('INTERRUPTED', 'Maven was stopped.', { cause });
    if (cause.code !== 'ENOENT') throw cause;
    throw new FlatminError(
      'NOT_FOUND',
      `Maven's client "mvn", which fetches ${coordinatesOf(classifier)}, is not on PATH. Install it (apt install maven, brew install maven, choco install maven). ${ALTERNATIVES}`,
      { cause },
    );
  });
  if (code !== 0)
    throw new FlatminError(
      'NETWORK',
      `Maven could not fetch ${coordinatesOf(classifier)}:\n${reasonsIn(lines)}\nMend that (network, proxy or mirror in Maven's settings) and run it again. ${ALTERNATIVES}`,
    );
  return join(folder, `${ARTIFACT.name}-${ARTIFACT.version}-${classifier}.jar`);
}

/** Has Maven's client put an artifact into a folder. Returns its exit code; rejects with ENOENT where there is none. */
export function copyArtifact(
  coordinates: string,
  folder: string,
  onLine: (line: string) => void,
  signal?: AbortSignal,
): Promise<number | null> {
  const args = [
    '-B',
    '-Dstyle.color=never',
    COPY,
    `-Dartifact=${coordinates}`,
    `-DoutputDirectory=${folder}`,
  ];
  // mvn is a batch file on Windows, which runs in a shell only.
  const shell = process.platform === 'win32';
  const child = spawn('mvn', shell ? args.map((each) => `"${each}"`) : args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    shell,
    signal,
    windowsHide: true,
  });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split(/\r?\n/);
      rest = lines.pop()!;
      for (const line of lines) onLine(stripVTControlCharacters(line).replace(/^\[INFO\] /, ''));
    });
    stream.on('end', () => rest && onLine(stripVTControlCharacters(rest)));
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
}

const SHOWN_LINES = 4;
const SHOWN_CHARACTERS = 1000;

/** Maven's errors without its advice on itself; where it gave none, the end of what was said. */
function reasonsIn(lines: readonly string[]): string {
  const said = lines.map((line) => line.trim()).filter((line) => line !== '' && line !== '[ERROR]');
  const errors = said
    .filter((line) => line.startsWith('[ERROR]'))
    .map((line) => line.slice('[ERROR]'.length).trim())
    .filter((line) => !/^(To see the full|Re-run Maven|For more information|\[Help \d+\])/.test(line));
  const shown = errors.length > 0 ? errors.slice(0, SHOWN_LINES) : said.slice(-SHOWN_LINES);
  return shown.map((line) => `  ${line.slice(0, SHOWN_CHARACTERS)}`).join('\n');
}
