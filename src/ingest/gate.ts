/** Whether pulses may be taken: open or shut, and something to wait for. */

export interface Gate {
  readonly isOpen: boolean;
  readonly open: () => void;
  readonly shut: () => void;
  /** Resolves once the gate is as asked, at once if it is; or when `signal` aborts. */
  until(open: boolean, signal: AbortSignal): Promise<void>;
}

/** Creates a gate. */
export function createGate(isOpenAtFirst: boolean): Gate {
  const waiting = new Set<() => void>();
  let isOpen = isOpenAtFirst;
  const set = (open: boolean): void => {
    isOpen = open;
    for (const wake of waiting) wake();
  };
  return {
    get isOpen() {
      return isOpen;
    },
    open() {
      set(true);
    },
    shut() {
      set(false);
    },
    until: (open, signal) =>
      new Promise((resolve) => {
        const wake = (): void => {
          if (isOpen !== open && !signal.aborted) return;
          waiting.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        waiting.add(wake);
        signal.addEventListener('abort', wake);
        wake();
      }),
  };
}
