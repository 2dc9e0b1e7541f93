/** The end of a long-running command: a signal asks for it, or a part that fails forces it. */
import { onAbort } from '../platform/on-abort.ts';

export interface RunEnd {
  /** Ends the command with an error; the first one counts. */
  readonly fail: (error: Error) => void;
  /** Resolves at the signal; rejects with the error that `fail` was given. */
  readonly wait: () => Promise<void>;
}

export function createRunEnd(stop: AbortSignal): RunEnd {
  let fail: (error: Error) => void = () => undefined;
  const ended = new Promise<void>((resolve, reject) => {
    fail = reject;
    onAbort(stop, resolve);
  });
  ended.catch(() => undefined);
  return { fail, wait: () => ended };
}
