/** Passwords: argon2id hashes, and a bound on how many are computed at a time. */
import { hash, parseOptions, verify } from '@node-rs/argon2';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';

/** OWASP's minimum for argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 } as const;

/** Hashes a password with argon2id, the library's default, the current parameters and a random salt. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, PARAMETERS);
}

/** Whether the password is the one that was hashed. Takes the time of the hash's own parameters. */
export function verifyPassword(passwordHash: string, password: string): Promise<boolean> {
  return verify(passwordHash, password);
}

/** Whether a hash was made with other parameters than today's. */
export function needsRehash(passwordHash: string): boolean {
  const made = parseOptions(passwordHash);
  return (
    !passwordHash.startsWith('$argon2id$') ||
    made.memoryCost !== PARAMETERS.memoryCost ||
    made.timeCost !== PARAMETERS.timeCost ||
    made.parallelism !== PARAMETERS.parallelism
  );
}

/** Runs work as slots become free. */
export type Gate = <Result>(work: () => Promise<Result>) => Promise<Result>;

/**
 * Bounds the work done at a time: each hash holds 19 MiB and a thread of libuv's pool of four, which
 * file and name lookups need as well.
 *
 * @throws ProblemError PULSE_API_BUSY when `waitingMax` wait already.
 */
export function createGate({ runningMax, waitingMax }: GateOptions): Gate {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= runningMax) {
      if (waiting.length >= waitingMax) throw new ProblemError(HTTP_PROBLEMS.PULSE_API_BUSY);
      // The slot is handed over as it is, so nobody can take it in between.
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

export interface GateOptions {
  readonly runningMax: number;
  readonly waitingMax: number;
}
