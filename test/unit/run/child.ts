import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { ExecutionContext } from 'ava';

/** Another Node process that runs `body` (an ES module) with the exports of `module` (a path under src/) in `lib`. */
export class Child {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #exit: Promise<unknown>;

  /** Killed at the test's end, so that a failing test does not wait for it. */
  constructor(t: ExecutionContext, module: string, body: string) {
    const url = new URL(`../../../src/${module}`, import.meta.url).href;
    const code = `import * as lib from ${JSON.stringify(url)};\n${body}`;
    this.process = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]();
    this.#exit = once(this.process, 'exit');
    t.teardown(() => this.process.kill('SIGKILL'));
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** The next line it prints; undefined once it has ended. */
  async line(): Promise<string | undefined> {
    return (await this.#lines.next()).value;
  }

  /** Ends its standard input, and waits for it to end of its own accord. */
  async finish(): Promise<void> {
    this.process.stdin!.end();
    await this.#exit;
  }

  /** Kills it, as kill -9 does. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.#exit;
  }
}
