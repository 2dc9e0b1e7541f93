/** Hashes passwords with argon2id, and limits how many hashes are computed at a time. */
import { hash, parseOptions, verify } from '@node-rs/argon2';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';

/** OWASP's minimum for argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 } as const;

/** Uses argon2id (the library's default), the current parameters and a random salt. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, PARAMETERS);
}

/** The time it takes depends on the parameters in the hash. */
export function verifyPassword(passwordHash: string, password: string): Promise<boolean> {
  return verify(passwordHash, password);
}

/** Whether a hash was made with other than the current parameters. */
export function needsRehash(passwordHash: string): boolean {
  const made = parseOptions(passwordHash);
  return (
    !passwordHash.startsWith('$argon2id$') ||
    made.memoryCost !== PARAMETERS.memoryCost ||
    made.timeCost !== PARAMETERS.timeCost ||
    made.parallelism !== PARAMETERS.parallelism
  );
}

/** Runs work when a slot is free. */
export type ConcurrencyLimit = <Result>(work: () => Promise<Result>) => Promise<Result>;

/**
 * Limits concurrent work: each hash takes 19 MiB and one of libuv's four threads, which file and name look-ups also
 * need. The work throws PULSE_API_BUSY if `waitingMax` others are waiting.
 */
export function createConcurrencyLimit({
  runningMax,
  waitingMax,
}: ConcurrencyOptions): ConcurrencyLimit {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= runningMax) {
      if (waiting.length >= waitingMax) {
        throw new ProblemError(HTTP_PROBLEMS.PULSE_API_BUSY, {
          detail: 'Too many logins are in progress. Try again later.',
        });
      }
      // The slot is handed over directly, so no other work can take it in between.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}

export interface ConcurrencyOptions {
  readonly runningMax: number;
  readonly waitingMax: number;
}
