/** When the next flush is due. */
import { floorTo, readCron } from './cron-clock.ts';

export interface NextTick {
  /** The first tick after `nowMs`; undefined while it has not been found. */
  after(nowMs: number): Date | undefined;
  close(): void;
}

/** An hour of minutes and more, in a few milliseconds: everything else in the process waits for them. */
const STEPS_AT_ONCE = 100;
/** A tick that is further away than so many steps is not looked for. */
const STEPS_MAX = 600_000;

/** @param cron In UTC. A rare tick is found over several calls, each of which looks a bit further. */
export function createNextTick(cron: string): NextTick {
  const clock = readCron(cron);
  let found: number | undefined;
  let lookedUntilMs = -Infinity;
  return {
    after(nowMs) {
      if (found !== undefined && found > nowMs) return new Date(found);
      found = undefined;
      lookedUntilMs = Math.max(lookedUntilMs, floorTo(clock.stepMs, nowMs));
      for (let step = 0; step < STEPS_AT_ONCE && found === undefined; step++) {
        if (lookedUntilMs - nowMs > STEPS_MAX * clock.stepMs) return undefined;
        lookedUntilMs += clock.stepMs;
        if (clock.ticksAt(lookedUntilMs)) found = lookedUntilMs;
      }
      return found === undefined ? undefined : new Date(found);
    },
    close() {
      clock.close();
    },
  };
}
