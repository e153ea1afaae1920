/** What an object holds under a name from a model, which may be "constructor" or "__proto__". */
export const ownEntry = <T>(entries: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  entries && Object.hasOwn(entries, name) ? entries[name] : undefined;
