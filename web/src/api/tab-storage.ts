/** What this browser tab remembers until it is closed. */

/** Undefined where the browser forbids it. */
export function tabStorage(): Storage | undefined {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
}
