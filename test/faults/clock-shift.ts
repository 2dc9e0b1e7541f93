/**
 * Preloaded into a worker (`NODE_OPTIONS=--import`): JavaScript's clock is wrong by as many milliseconds as a file says.
 *
 * Date is the only wall clock that Pulse's own code and node-cron read; timers are monotonic and stay right, as
 * they do when an administrator sets a machine's clock. The clocks of the servers are not touched.
 */
import { readFileSync } from 'node:fs';

const path = process.env.FAULTS_CLOCK_FILE ?? '';
const RealDate = Date;
let offsetMs = 0;

class ShiftedDate extends RealDate {
  constructor(...given: unknown[]) {
    if (given.length === 0) super(RealDate.now() + offsetMs);
    else super(...(given as [number]));
  }

  static override now(): number {
    return RealDate.now() + offsetMs;
  }
}

globalThis.Date = ShiftedDate as DateConstructor;
setInterval(() => {
  try {
    offsetMs = Number(readFileSync(path, 'utf8'));
  } catch {
    // Not written yet, or just being written.
  }
}, 50).unref();
