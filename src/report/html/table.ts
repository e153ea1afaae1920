import { type Html, html } from './html.js';

export interface TableSpec {
  readonly caption?: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** First columns that are names; the others are figures. Default 1. */
  readonly labels?: number;
}

/** A table with a button that copies it as tab-separated text. */
export function table({ caption, head, rows, labels = 1 }: TableSpec): Html {
  const kind = (column: number) => (column < labels ? 'label' : 'figure');
  return html`<div class="table"><table>${caption && html`<caption>${caption}</caption>`}
<thead><tr>${head.map((name, i) => html`<th scope="col" class="${kind(i)}">${name}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr>${row.map((cell, i) =>
        i === 0
          ? html`<th scope="row" class="label">${cell}</th>`
          : html`<td class="${kind(i)}">${cell}</td>`,
      )}</tr>\n`,
  )}</tbody></table><button type="button" class="copy">Copy table</button></div>`;
}
