import { html } from './html/html.js';
import { page } from './html/page.js';
import { readFolder } from './read/folder.js';

/** How a page is made. */
export interface ReportOptions {
  /** flatmin's, for the page. */
  version: string;
  /** Follows the server of serveReport. Default false. */
  live?: boolean;
}

/**
 * One HTML page about a run, a comparison, an experiment or measurements, finished or not; it needs nothing beside it and asks for nothing.
 * @param dir its folder
 * @throws FlatminError NOT_FOUND where the folder holds none of them
 */
export async function makeReport(dir: string, { version, live = false }: ReportOptions): Promise<string> {
  const folder = await readFolder(dir);
  // The charts' library is large: it is loaded when it is needed.
  const { describe } = await import('./describe.js');
  const { title, content } = describe(folder, version);
  return page(`${title} – flatmin`, html`<h1>${title}</h1>\n${content}`, { live });
}
