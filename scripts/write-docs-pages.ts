import { readFile, writeFile } from 'node:fs/promises';
import { metricsPage } from './metrics-page.js';
import { operatorsPage } from './operators-page.js';
import { optimizersPage, withTable } from './optimizers-page.js';

// Writes the pages and tables that the code says; run from the repository root.
await writeFile('docs/operators.md', await operatorsPage());
await writeFile('docs/metrics.md', metricsPage());
await writeFile('docs/optimizers.md', await optimizersPage());
await writeFile('README.md', withTable(await readFile('README.md', 'utf8')));
