import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../../bin/flatmin.js', import.meta.url));

export interface CliResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/**
 * Starts `flatmin` with arguments.
 * @param env over the process's own
 * @param output a file descriptor that stdout goes to instead
 */
export function startCli(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  output?: number,
): { child: ChildProcess; result: Promise<CliResult> } {
  const child = spawn(process.execPath, [BIN, ...args], {
    stdio: ['ignore', output ?? 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const result = new Promise<CliResult>((resolve, reject) => {
    let [stdout, stderr] = ['', ''];
    child.stdout?.on('data', (chunk) => (stdout += chunk));
    child.stderr?.on('data', (chunk) => (stderr += chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, result };
}

export const runCli = (...args: string[]): Promise<CliResult> => startCli(args).result;

/** A folder that the test's teardown removes. */
export function temporaryFolder(t: { teardown(fn: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'flatmin-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Waits until a run has written a number of records, or has ended. */
export async function recordsReach(file: string, count: number, child: ChildProcess): Promise<void> {
  const records = () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0);
  while (child.exitCode === null && child.signalCode === null && records() < count) await setTimeout(5);
}

export interface MetricsLine {
  step: number;
  epoch: number;
  loss?: number;
  epochLoss?: number;
  testLoss?: number;
  accuracy?: number;
}

export function readMetrics(out: string): MetricsLine[] {
  const text = readFileSync(join(out, 'metrics.jsonl'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}
