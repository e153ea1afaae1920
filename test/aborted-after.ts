/** A signal that is aborted from its n-th look on. */
export function abortedAfter(looks: number): AbortSignal {
  let seen = 0;
  return {
    get aborted() {
      return ++seen > looks;
    },
  } as AbortSignal;
}
