/** Runs `action` once when the signal aborts, or now if it has: a signal that has aborted tells nobody again. */
export function onAbort(signal: AbortSignal, action: () => void): void {
  if (signal.aborted) action();
  else signal.addEventListener('abort', action, { once: true });
}
