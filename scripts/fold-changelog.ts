import { readFileSync, writeFileSync } from 'node:fs';
import { folded } from './changelog.js';

// Puts what was unreleased below the version that `changeset version` has just written; run from the repository root.
writeFileSync('CHANGELOG.md', folded(readFileSync('CHANGELOG.md', 'utf8')));
