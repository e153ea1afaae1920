import { stagePackage } from './stage.js';

// Lays out the package in build/package, from where it is published; run from the repository root.
stagePackage('.', 'build/package');
