import type { Chart } from '../charts/render.js';
import { Html, html } from './html.js';

/** Draws each chart of a page with names of its own for clipping paths. */
export class Figures {
  private count = 0;

  /** A chart under its title. @param about a second, lighter line: what is shown, in which mode, of how much */
  figure(title: string, { svg }: Chart, about?: string): Html {
    const own = svg.replaceAll('clip-', `f${this.count++}-`).replace(/ xmlns="[^"]*"/, '');
    const [, inside] = /^<svg([\s\S]*)$/.exec(own)!;
    return html`<figure><figcaption>${title}${about && html`<small>${about}</small>`}</figcaption>
<svg role="img" aria-label="${title}"${new Html(inside!)}</figure>`;
  }
}

export const charts = (figures: readonly (Html | undefined)[]): Html | undefined => {
  const present = figures.filter((figure) => figure !== undefined);
  return present.length > 0 ? html`<div class="charts">${present}</div>` : undefined;
};
