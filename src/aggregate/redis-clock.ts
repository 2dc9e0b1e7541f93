/**
 * Whether the clock of Redis runs evenly. When it jumps ahead, ids look old that producers still repeat; so none are
 * forgotten until it has run beside the clock of this process for a while.
 */

export interface RedisTime {
  readonly sec: number;
  /** False after a jump, and at first. */
  readonly isSteady: boolean;
}

const JUMP_SEC = 60;
const STEADY_MS = 600_000;

export class RedisClock {
  /** Redis' time when that of the process was 0. */
  #originSec: number | undefined;
  #steadySinceMs = 0;
  readonly #onJump: (jumpSec: number) => void;

  /** @param onJump Called once for each jump; seconds are negative for one back. */
  constructor(onJump: (jumpSec: number) => void) {
    this.#onJump = onJump;
  }

  /**
   * @param sec What Redis has answered.
   * @param nowMs A clock of this process that nobody sets.
   */
  read(sec: number, nowMs: number): RedisTime {
    const originSec = sec - nowMs / 1_000;
    const jumpSec = originSec - (this.#originSec ?? originSec);
    const jumps = Math.abs(jumpSec) > JUMP_SEC;
    if (jumps || this.#originSec === undefined) this.#steadySinceMs = nowMs;
    // Small differences are followed.
    this.#originSec = originSec;
    if (jumps) this.#onJump(Math.round(jumpSec));
    return { sec, isSteady: nowMs - this.#steadySinceMs >= STEADY_MS };
  }
}
