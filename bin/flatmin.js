#!/usr/bin/env node
try {
  const { main } = await import('../dist/src/cli/main.js');
  await main(process.argv);
} catch (error) {
  // It could not even be loaded: too few open files, a damaged installation.
  process.stderr.write(`flatmin: ${process.env.FLATMIN_DEBUG === '1' ? error.stack : error.message}\n`);
  process.exitCode = 1;
}
