/**
 * Preloaded into a worker (`NODE_OPTIONS=--import`): shifts JavaScript's clock by the milliseconds in a file.
 *
 * Date is the only wall clock that Pulse's code and node-cron read. Timers are monotonic and stay correct, as
 * they do when an administrator changes a machine's clock. The clocks of the servers are not touched.
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
    // Not written yet, or only in part.
  }
}, 50).unref();
