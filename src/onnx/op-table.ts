/**
 * One table of ops (or domain:op) from several. @throws TypeError naming an op that two of them hold: neither would be sure to win
 */
export function opTable<T>(...parts: readonly Readonly<Record<string, T>>[]): Readonly<Record<string, T>> {
  // No prototype: an op may be called constructor.
  const table: Record<string, T> = Object.create(null);
  for (const [op, entry] of parts.flatMap((part) => Object.entries(part))) {
    if (Object.hasOwn(table, op)) throw new TypeError(`The op ${op} is in two tables.`);
    table[op] = entry;
  }
  return table;
}
