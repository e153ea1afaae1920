/** Whether values, all above zero, fall so far that the small ones are told apart on a logarithmic axis alone. */
export function isWide(values: readonly (number | null)[]): boolean {
  const present = values.filter((value) => value !== null);
  const low = present.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = present.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return low > 0 && high > 30 * low;
}
