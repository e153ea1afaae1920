import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';

const runner = new URL('./run-scenario.js', import.meta.url).pathname;

/**
 * What an exported function of `scenarios/MODULE` returns, called in a Node process of its own: a crash there is a failed test.
 * @param flags of that process, as --expose-gc
 * @param argument of the function, as JSON carries it
 * @param env variables of that process beside this one's
 */
export async function isolated<T>(
  t: ExecutionContext,
  module: string,
  name: string,
  flags: readonly string[] = [],
  argument?: unknown,
  env: Readonly<Record<string, string>> = {},
): Promise<T> {
  const url = new URL(`./scenarios/${module}.js`, import.meta.url).href;
  const child = spawn(process.execPath, [...flags, runner, url, name, JSON.stringify(argument ?? null)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...env },
  });
  t.teardown(() => child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => (said += chunk));
  let result: T | undefined;
  child.on('message', (message: { result: T }) => {
    result = message.result;
  });
  const [code, signal] = await once(child, 'close');
  if (signal) throw new Error(`${module}: ${name} was killed by ${signal}.\n${said}`);
  if (code !== 0) throw new Error(`${module}: ${name} ended with code ${code}.\n${said}`);
  return result!;
}
