import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PublicApi, reportFile } from './public-api.js';

const api = new PublicApi();
for (const room of api.rooms) {
  const file = reportFile(room);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, api.report(room));
}
