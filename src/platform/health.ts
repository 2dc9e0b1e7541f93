/** Whether a process can work just now, one answer for each server that it depends on. */
import { sleep } from './backoff.ts';

/** One server the process cannot work without. `check` rejects while it is away. */
export interface ReadinessCheck {
  readonly name: string;
  check(): Promise<void>;
}

export interface CheckState {
  readonly name: string;
  readonly ready: boolean;
}

export interface ReadinessOptions {
  readonly timeoutMs: number;
  /** Told why; whoever asks is only told what. */
  readonly onFailure: (error: unknown, name: string) => void;
}

/** Runs checks. Calls that come while they run share their answer: nobody can make the servers busy with it. */
export function createReadiness(
  checks: readonly ReadinessCheck[],
  { timeoutMs, onFailure }: ReadinessOptions,
): () => Promise<CheckState[]> {
  let underWay: Promise<CheckState[]> | undefined;
  const run = async (one: ReadinessCheck): Promise<CheckState> => {
    const { name } = one;
    try {
      await withTimeout(one.check(), timeoutMs);
      return { name, ready: true };
    } catch (error) {
      onFailure(error, name);
      return { name, ready: false };
    }
  };
  return () => {
    underWay ??= Promise.all(checks.map(run)).finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
}

async function withTimeout(work: Promise<void>, timeoutMs: number): Promise<void> {
  const answered = new AbortController();
  const timeout = sleep(timeoutMs, answered.signal).then(() => {
    if (!answered.signal.aborted) throw new Error(`no answer within ${timeoutMs} ms`);
  });
  try {
    await Promise.race([work, timeout]);
  } finally {
    answered.abort();
  }
}

/**
 * The health of a process without an HTTP API of its own:
 * - `starting`: not ready, whatever the servers say;
 * - `running`: ready while every check passes;
 * - `closing`: not ready, so that nothing new is sent here.
 */
export interface ProcessHealth {
  phase: 'starting' | 'running' | 'closing';
  /** A name that is there already stands for the same server. */
  add(checks: readonly ReadinessCheck[]): void;
  report(): Promise<{ readonly ready: boolean; readonly checks: readonly CheckState[] }>;
}

/** Creates it, `starting` and without a check. */
export function createProcessHealth(options: ReadinessOptions): ProcessHealth {
  const checks = new Map<string, ReadinessCheck>();
  let run = createReadiness([], options);
  const health: ProcessHealth = {
    phase: 'starting',
    add(more) {
      for (const check of more) if (!checks.has(check.name)) checks.set(check.name, check);
      run = createReadiness([...checks.values()], options);
    },
    async report() {
      const states = await run();
      const ready = health.phase === 'running' && states.every((state) => state.ready);
      return { ready, checks: states };
    },
  };
  return health;
}
