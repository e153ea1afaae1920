import { createHash } from 'node:crypto';
import { themeCss } from '../charts/theme.js';
import { Html, html } from './html.js';

const CSS = `${themeCss}
*{box-sizing:border-box}
body{margin:0;background:var(--background);color:var(--ink);font:16px/1.5 system-ui,"Segoe UI","DejaVu Sans",Arial,sans-serif}
main{max-width:1220px;margin:0 auto;padding:20px 24px 48px}
h1{font-size:28px;line-height:1.25;margin:8px 0 4px;overflow-wrap:anywhere}
h2{font-size:21px;margin:36px 0 10px;padding-top:10px;border-top:1px solid var(--grid)}
h3{font-size:17px;margin:22px 0 6px}
p{margin:6px 0;max-width:80ch}
.about,.note,figcaption small,caption{color:var(--muted)}
.note{border-left:4px solid var(--series-4);padding:2px 12px;overflow-wrap:anywhere}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(520px,100%),1fr));gap:20px 28px;align-items:start}
figure{margin:0;min-width:0}
figcaption{font-weight:600;margin-bottom:2px}
figcaption small{display:block;font-weight:400;font-size:14px}
figure svg{display:block;width:100%;height:auto;max-width:680px}
.table{overflow-x:auto;margin:10px 0 18px}
table{border-collapse:collapse;font-size:15px;font-variant-numeric:tabular-nums}
caption{text-align:left;padding:2px 0 6px;white-space:nowrap}
th,td{padding:5px 14px 5px 0;border-bottom:1px solid var(--grid);vertical-align:top}
thead th{border-bottom:2px solid var(--axis);font-weight:600}
th{font-weight:500;text-align:left}
.figure{text-align:right;white-space:nowrap}
td.label{overflow-wrap:anywhere;max-width:70ch}
button{font:inherit;font-size:13px;margin-top:6px;padding:2px 10px;color:var(--ink);background:transparent;border:1px solid var(--axis);border-radius:5px;cursor:pointer}
details{margin:8px 0}
summary{cursor:pointer}
pre{overflow-x:auto;padding:10px 12px;border:1px solid var(--grid);border-radius:5px;font-size:14px}
@media print{button{display:none}}`;

const COPY_SCRIPT = `document.addEventListener('click', async (event) => {
  const button = event.target.closest('button.copy');
  if (!button) return;
  const rows = [...button.parentElement.querySelector('table').rows];
  const text = rows.map((row) => [...row.cells].map((cell) => cell.textContent).join('\\t')).join('\\n');
  const said = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    getSelection().selectAllChildren(button.parentElement.querySelector('table'));
    button.textContent = document.execCommand('copy') ? 'Copied' : 'Selected: press Ctrl+C';
  }
  setTimeout(() => { button.textContent = said; }, 1500);
});`;

/** Puts what the server has made anew in the place of the old, and says so where the server has gone. */
const LIVE_SCRIPT = `const events = new EventSource('events?' + document.querySelector('main').dataset.digest);
const live = document.createElement('p');
live.className = 'about';
const say = (text) => { live.textContent = text; document.querySelector('main').prepend(live); };
events.onopen = () => say('Live: the page follows the run.');
events.onerror = () => say('Not live: flatmin report has stopped. This is what it showed last.');
events.onmessage = async () => {
  const page = new DOMParser().parseFromString(await (await fetch('.')).text(), 'text/html');
  const open = [...document.querySelectorAll('details')].map((one) => one.open);
  document.querySelector('main').replaceWith(page.querySelector('main'));
  document.title = page.title;
  document.querySelectorAll('details').forEach((one, i) => { one.open = open[i] ?? false; });
  say('Live: the page follows the run.');
};`;

/**
 * A page that asks for nothing: styles and scripts are in it, and its policy forbids every request and every script but its own.
 * @param live follows the server of `flatmin report --watch`, which it may then ask
 */
export function page(title: string, content: Html, { live = false } = {}): string {
  const scripts = live ? [COPY_SCRIPT, LIVE_SCRIPT] : [COPY_SCRIPT];
  const hashes = scripts.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`);
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src ${hashes.join(' ')}${live ? "; connect-src 'self'" : ''}`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Html(CSS)}</style>
</head>
<body>
<main>
${content}
</main>
${scripts.map((script) => html`<script>${new Html(script)}</script>\n`)}</body>
</html>
`.text;
}
