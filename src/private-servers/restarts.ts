/** Starts servers again that ended by themselves: more and more slowly, and not for ever. */
import { backoffDelayMs } from '../platform/backoff.ts';
import type { ProcessEnd } from './supervisor.ts';

export interface RestartsOptions {
  readonly restart: (name: string) => Promise<void>;
  /** Gets a sentence for people each time a process has ended. */
  readonly onNotice: (sentence: string) => void;
}

export interface Restarts {
  /** A process has ended by itself: starts it again after a delay, or abandons it. */
  ended(end: ProcessEnd): void;
  /** Starts all that wait or are abandoned at once, and forgets how often they ended. */
  retryAll(): void;
  /** By name: why a process is not started again. */
  abandoned(): Record<string, string>;
  /** Starts nothing from now on. */
  close(): void;
}

interface Ended {
  readonly end: ProcessEnd;
  /** Of the ends that count, in milliseconds of the process's clock. */
  readonly endedAtMs: readonly number[];
  /** Absent when nothing waits: it was started again, or is abandoned. */
  readonly timer?: NodeJS.Timeout;
  readonly abandoned?: string;
}

const RESTARTS_MAX = 6;
const WITHIN_MINUTES = 5;
const BACKOFF = { baseMs: 250, capMs: 10_000 };

export function createRestarts({ restart, onNotice }: RestartsOptions): Restarts {
  const ended = new Map<string, Ended>();
  let isClosed = false;

  function startAgain({ end, endedAtMs }: Ended): void {
    ended.set(end.spec.name, { end, endedAtMs });
    restart(end.spec.name).catch((error: unknown) => {
      // The program cannot be run at all, so no end of a process is reported.
      handle({ ...end, outcome: String(error) });
    });
  }

  function handle(end: ProcessEnd): void {
    if (isClosed) return;
    const { name } = end.spec;
    const before = ended.get(name);
    clearTimeout(before?.timer);
    const endedAtMs = countedEnds(before?.endedAtMs ?? [], performance.now());
    const next: Ended = { end, endedAtMs };
    const delayMs = restartDelayMs(endedAtMs.length);
    if (delayMs === null) {
      const abandoned = describeAbandoned(next);
      ended.set(name, { ...next, abandoned });
      onNotice(abandoned);
    } else {
      const timer = setTimeout(startAgain, delayMs, next);
      ended.set(name, { ...next, timer });
      onNotice(`The private ${name} server ended (${end.outcome}) and is started again.`);
    }
  }

  return {
    ended: handle,
    retryAll() {
      for (const one of ended.values()) {
        if (one.timer === undefined && one.abandoned === undefined) continue;
        clearTimeout(one.timer);
        startAgain({ ...one, endedAtMs: [] });
      }
    },
    abandoned() {
      const sentences = [...ended].map(([name, { abandoned }]) => [name, abandoned] as const);
      return Object.fromEntries(
        sentences.filter((pair): pair is [string, string] => pair[1] !== undefined),
      );
    },
    close() {
      isClosed = true;
      for (const { timer } of ended.values()) clearTimeout(timer);
    },
  };
}

/** The ends of the last minutes, with the new one. */
export function countedEnds(before: readonly number[], nowMs: number): number[] {
  return [...before.filter((endMs) => endMs > nowMs - WITHIN_MINUTES * 60_000), nowMs];
}

/**
 * How long to wait before a process is started again; null when it has ended too often.
 *
 * @param endCount How often it ended by itself in the last minutes, at least 1.
 */
export function restartDelayMs(endCount: number): number | null {
  return endCount > RESTARTS_MAX ? null : backoffDelayMs(endCount - 1, BACKOFF);
}

function describeAbandoned({ end: { spec, outcome }, endedAtMs }: Ended): string {
  return (
    `The private ${spec.name} server ended ${endedAtMs.length} times within ${WITHIN_MINUTES} minutes, ` +
    `at last with ${outcome} at ${new Date().toISOString()}, and is not started again. ` +
    `See ${spec.logFile}; \`pulse services up\` tries again.`
  );
}
