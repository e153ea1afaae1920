import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { checked, type Given, option } from '../options/option.js';
import { integerWithin } from '../options/values.js';
import { html } from './html/html.js';
import { page } from './html/page.js';
import { makeReport, type ReportOptions } from './report.js';

export const watchOptions = {
  /** Default 0: any that is free. */
  port: option(integerWithin(0, 65535), { symbol: 'n', help: 'of --watch; 0 for any', default: 0 }),
};

/** How a report is served. */
export interface ServeOptions extends Pick<ReportOptions, 'version'>, Given<typeof watchOptions> {
  /** Milliseconds between looks at the folder; default 1000. */
  every?: number;
}

/** A report that is being served. */
export interface ReportServer {
  /** Where the page is. */
  readonly url: string;
  /** Ends it, and the connections of open pages. */
  close(): Promise<void>;
}

/** Of every response: it is what its type says, stands in nobody's frame, and tells nobody where a reader came from. */
const PROTECTION = [
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-resource-policy', 'same-origin'],
] as const;

/**
 * Serves the report of a folder on 127.0.0.1, and tells open pages (by server-sent events) whenever it has changed. A folder that
 * holds nothing yet is waited for. Answers requests to its own address alone, so that no other site's page can read it.
 */
export async function serveReport(dir: string, options: ServeOptions): Promise<ReportServer> {
  const { every = 1000, version } = options;
  const { port } = checked(watchOptions, options);
  /** Open pages, and the digest of what each shows. */
  const listeners = new Map<ServerResponse, string>();

  const make = () =>
    makeReport(dir, { version, live: true }).catch((error: Error) =>
      page('flatmin', html`<h1>Nothing to show yet</h1><p class="note">${error.message}</p>`, { live: true }),
    );

  const server = createServer(async ({ url, method, headers }, response) => {
    for (const [name, value] of PROTECTION) response.setHeader(name, value);
    const { port: own } = server.address() as AddressInfo;
    if (![`127.0.0.1:${own}`, `localhost:${own}`].includes(headers.host ?? '')) return end(response, 403);
    if (method !== 'GET') return end(response, 405);
    const [pathname, shown = ''] = (url ?? '').split('?');
    if (pathname === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(': open\n\n');
      listeners.set(response, shown);
      response.on('close', () => listeners.delete(response));
      return;
    }
    if (pathname !== '/') return end(response, 404);
    const text = await make();
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    response.end(text.replace('<main>', `<main data-digest="${digest(text)}">`));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });

  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  const look = async () => {
    // Nobody looks: there is nothing to tell.
    if (listeners.size > 0) {
      const now = digest(await make());
      for (const [listener, before] of listeners) {
        if (before === now) continue;
        listener.write(`data: ${now}\n\n`);
        listeners.set(listener, now);
      }
    }
    if (!closed) timer = setTimeout(look, every);
  };
  await look();

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => {
      closed = true;
      clearTimeout(timer);
      for (const listener of listeners.keys()) listener.end();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

function end(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}
