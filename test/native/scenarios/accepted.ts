/** Names of those calls that did not throw. */
export async function accepted(calls: Record<string, () => unknown>): Promise<string[]> {
  const names: string[] = [];
  for (const [name, call] of Object.entries(calls)) {
    try {
      await call();
      names.push(name);
    } catch {
      // As it should.
    }
  }
  return names;
}
