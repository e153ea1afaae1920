import { writeFile } from 'node:fs/promises';
import { operatorsPage } from './operators-page.js';

// Writes docs/operators.md anew; run from the repository root.
await writeFile('docs/operators.md', await operatorsPage());
