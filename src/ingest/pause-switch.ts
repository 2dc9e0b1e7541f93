/** The switch of `pulse pause` and `pulse resume` inside one thread: a state, and a way to wait for it. */

export interface PauseSwitch {
  readonly isPaused: boolean;
  readonly pause: () => void;
  readonly resume: () => void;
  /** Resolves once `isPaused` is as asked, or when `signal` aborts. */
  until(state: { readonly paused: boolean }, signal: AbortSignal): Promise<void>;
}

export function createPauseSwitch(isPausedAtFirst: boolean): PauseSwitch {
  const waiting = new Set<() => void>();
  let isPaused = isPausedAtFirst;
  const set = (paused: boolean): void => {
    isPaused = paused;
    for (const wake of waiting) wake();
  };
  return {
    get isPaused() {
      return isPaused;
    },
    pause() {
      set(true);
    },
    resume() {
      set(false);
    },
    until: ({ paused }, signal) =>
      new Promise((resolve) => {
        const wake = (): void => {
          if (isPaused !== paused && !signal.aborted) return;
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
