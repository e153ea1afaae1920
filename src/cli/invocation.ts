/** What a user types for flatmin here: `npx` runs it without a command on PATH. */
export const invocation = (env: NodeJS.ProcessEnv = process.env): string =>
  env.npm_command === 'exec' ? 'npx flatmin' : 'flatmin';
