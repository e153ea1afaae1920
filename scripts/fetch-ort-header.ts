import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strFromU8, unzipSync } from 'fflate';
import { copyArtifact } from '../src/provision/maven.js';

/** ONNX Runtime's archive for Android, which alone of those on Maven holds the C headers; of the version of the training build. */
const [NAME, VERSION] = ['onnxruntime-android', '1.28.0'];

/** The text of ONNX Runtime's C headers, from Maven. @throws Error with what Maven said */
export async function fetchOrtHeader(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flatmin-header-'));
  try {
    const lines: string[] = [];
    const code = await copyArtifact(
      `com.microsoft.onnxruntime:${NAME}:${VERSION}:aar`,
      folder,
      (line) => lines.push(line),
      AbortSignal.timeout(120_000),
    );
    if (code !== 0)
      throw new Error(lines.find((line) => line.startsWith('[ERROR]')) ?? `mvn ended with ${code}`);
    const archive = await readFile(join(folder, `${NAME}-${VERSION}.aar`));
    const headers = unzipSync(archive, { filter: ({ name }) => /^headers\/.*\.h$/.test(name) });
    return Object.values(headers)
      .map((bytes) => strFromU8(bytes))
      .join('\n');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
