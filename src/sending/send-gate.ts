/** How much of what callers send may be held in this process at a time. */
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';

export interface SendGateOptions {
  /** Bytes of bodies that one caller may have under way; beyond it the answer is 429. */
  readonly callerBytesMax: number;
  /** Over all callers; beyond it the answer is 503. */
  readonly bytesMax: number;
}

export interface SendGate {
  /**
   * Lets a request in.
   *
   * @returns What to call when it is over, once.
   * @throws ProblemError 429 or 503, each with Retry-After.
   */
  enter(caller: string, bytes: number): () => void;
}

const RETRY_AFTER = { 'retry-after': '1' };

/** Creates a gate. A body larger than a bound passes when nothing else is under way. */
export function createSendGate({ callerBytesMax, bytesMax }: SendGateOptions): SendGate {
  const byCaller = new Map<string, number>();
  let total = 0;
  const add = (caller: string, bytes: number): void => {
    const own = (byCaller.get(caller) ?? 0) + bytes;
    if (own === 0) byCaller.delete(caller);
    else byCaller.set(caller, own);
    total += bytes;
  };
  return {
    enter(caller, bytes) {
      const own = byCaller.get(caller) ?? 0;
      if (own > 0 && own + bytes > callerBytesMax) {
        const detail = 'Too much of what you sent is still under way.';
        throw new ProblemError(HTTP_PROBLEMS.PULSE_API_TOO_MANY_REQUESTS, {
          detail,
          headers: RETRY_AFTER,
        });
      }
      if (total > 0 && total + bytes > bytesMax) {
        const detail = 'Too much is under way in this process.';
        throw new ProblemError(HTTP_PROBLEMS.PULSE_API_BUSY, { detail, headers: RETRY_AFTER });
      }
      add(caller, bytes);
      return () => {
        add(caller, -bytes);
      };
    },
  };
}
