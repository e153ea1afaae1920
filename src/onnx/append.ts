/** Adds to the list of a key, in place: lists made anew take the square of the time, where thousands of nodes read one value. */
export function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
