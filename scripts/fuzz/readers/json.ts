import { sealedJson } from '../../../src/formats/digest.js';
import type { Draw } from '../draw.js';

const VALUES: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    -1,
    0.5,
    1e308,
    -1e-320,
    2 ** 53,
    '',
    'NaN',
    'Infinity',
    '__proto__',
    '</script>',
  ],
  ...[[], {}, [null], [[]], [[1, 2], 'x'], { a: 1 }, { toString: 1 }, 'x'.repeat(5000), '\u0000\u001b[2J'],
];

const KEYS = ['__proto__', 'constructor', 'toString', 'length', '', 'compare', 'digest', 'epochLoss', 'x'];

type Holder = Record<string, unknown>;

/** Every object and list in a value. */
function holders(value: unknown, found: Holder[] = []): Holder[] {
  if (typeof value !== 'object' || value === null) return found;
  found.push(value as Holder);
  for (const each of Object.values(value)) holders(each, found);
  return found;
}

/** A copy with one to four faults: members of other values, removed, added, renamed. */
export function mutateJson(draw: Draw, content: unknown): unknown {
  const root = { content: structuredClone(content) };
  for (let left = draw.pick([1, 1, 2, 4]); left > 0; left--) {
    const holder = draw.pick(holders(root));
    const key = draw.pick(Object.keys(holder));
    // What is put must be no part of another value, or of VALUES: it may be changed next.
    const put = (name: string, given: unknown) =>
      Object.defineProperty(holder, name, {
        value: structuredClone(given),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    const change = draw.integer(0, 4);
    if (change === 0 && key !== undefined && holder !== root) delete holder[key];
    else if (change === 1 && !Array.isArray(holder)) put(draw.pick(KEYS), draw.pick(VALUES));
    else if (change === 2 && Array.isArray(holder)) holder.push(structuredClone(draw.pick(VALUES)));
    else if (change === 3 && key !== undefined) put(key, draw.pick(holders(root)));
    else if (key !== undefined) put(key, draw.pick(VALUES));
  }
  return root.content;
}

const isSealable = (content: unknown): content is object =>
  typeof content === 'object' && content !== null && !Array.isArray(content);

/** A text of JSON with faults; `sealed`: with a digest that says it is as it was written, where it is an object. */
export function mutateText(draw: Draw, text: string, sealed: boolean): string {
  const mutated = mutateJson(draw, JSON.parse(text));
  return sealed && isSealable(mutated) ? sealedJson(mutated) : (JSON.stringify(mutated) ?? '');
}
