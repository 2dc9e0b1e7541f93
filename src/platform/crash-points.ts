/** Named steps at which fault tests stop a process, set by `PULSE_CRASH_AT` with `--allow-test-faults`. */

/**
 * What stops, and where:
 * - `ingest` the whole process, at a step of any of its ingest threads;
 * - `thread` only the ingest thread that reaches the step;
 * - `flush` the whole process, at a step of a flush;
 * - `message` the whole process, at a step of a message of the chain;
 * - `export` the whole process, at a point of an export;
 * - `delivery` the whole process, at a step of a delivery to an endpoint;
 * - `aggregate` the whole process, at a step of an aggregator.
 */
export type CrashScope =
  'ingest' | 'thread' | 'flush' | 'message' | 'export' | 'delivery' | 'aggregate';

export interface CrashPoint {
  readonly scope: CrashScope;
  readonly step: string;
  /** Which time the process reaches the step, from 1. */
  readonly count: number;
  /** `kill` ends it at once, like SIGKILL; `stop` suspends the process until it gets SIGCONT. */
  readonly how: 'kill' | 'stop';
}

const FORM =
  /^(ingest|thread|flush|message|export|delivery|aggregate):([a-z-]+):([1-9]\d{0,5})(?::(kill|stop))?$/;

/** Parses `scope:step:count` or `scope:step:count:stop`; undefined when there is no such step. */
export function parseCrashPoint(
  text: string,
  steps: Readonly<Record<CrashScope, readonly string[]>>,
): CrashPoint | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, scope, step = '', count, how = 'kill'] = match;
  const point = { scope, step, count: Number(count), how } as CrashPoint;
  return steps[point.scope].includes(step) ? point : undefined;
}

/** A crash point and how many times its step is still to be reached, counted over all threads of the process. */
export interface ArmedCrashPoint extends CrashPoint {
  readonly left: Int32Array;
}

export function armCrashPoint(point: CrashPoint | undefined): ArmedCrashPoint | undefined {
  if (point === undefined) return undefined;
  // Shared, so that a thread that replaces another does not start counting again.
  const left = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  left[0] = point.count;
  return { ...point, left };
}

/** The function that code of `scopes` calls after each step. */
export function createCrashPoint(
  point: ArmedCrashPoint | undefined,
  scopes: readonly CrashScope[],
): (step: string) => void {
  if (point === undefined || !scopes.includes(point.scope)) return () => undefined;
  return (step) => {
    if (step === point.step && Atomics.sub(point.left, 0, 1) === 1) crash(point);
  };
}

/** No code runs after this: no handler, no finally, no buffered write. */
function crash({ scope, how }: CrashPoint): void {
  // In a worker thread this ends only the thread, in the middle of whatever it was doing.
  if (scope === 'thread') process.exit(1);
  process.kill(process.pid, how === 'stop' ? 'SIGSTOP' : 'SIGKILL');
}
