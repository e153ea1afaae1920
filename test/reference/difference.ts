import type { HostTensor } from '../../src/ort/session.js';

/** Of the largest element of a value, or 1. */
const TOLERANCE = 1e-4;

/** Where two results differ, in words. */
export function difference(
  found: Map<string, HostTensor>,
  expected: Map<string, HostTensor>,
): string | undefined {
  for (const [name, { dims, data }] of expected) {
    const own = found.get(name)!;
    if (String(own.dims) !== String(dims)) return `${name} has shape [${own.dims}], not [${dims}]`;
    const values = Array.from(data as Float32Array);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    const at = values.findIndex((value, index) => {
      const other = Number(own.data[index]);
      return !Object.is(value, other) && !(Math.abs(value - other) <= TOLERANCE * largest);
    });
    if (at >= 0) return `element ${at} of ${name} is ${own.data[at]}, not ${values[at]}`;
  }
  return undefined;
}
