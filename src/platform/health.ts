/** Whether a process can work right now, checked per server it depends on. */
import { withTimeout } from './backoff.ts';
import { createOutageLog, type OutageLog, type OutageOptions } from './outage-log.ts';

/** One server the process cannot work without. `check` rejects while it is unavailable. */
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
  /** Gets the reason; callers only see which server is not ready. */
  readonly onFailure: (error: unknown, name: string) => void;
  readonly onSuccess?: (name: string) => void;
}

/** Logs each check that fails once, until it succeeds again. */
export function logReadiness(
  logger: OutageOptions['logger'],
): Required<Pick<ReadinessOptions, 'onFailure' | 'onSuccess'>> {
  const outages = new Map<string, OutageLog>();
  return {
    onFailure(error, name) {
      const outage =
        outages.get(name) ??
        createOutageLog({
          logger,
          facts: { name },
          failedText: 'readiness check failed',
          endedText: 'readiness check passes again',
        });
      outages.set(name, outage);
      outage.failed(error);
    },
    onSuccess: (name) => outages.get(name)?.ended(),
  };
}

/** Runs the checks. Concurrent calls share one run, so that probes cannot overload the servers. */
export function createReadiness(
  checks: readonly ReadinessCheck[],
  { timeoutMs, onFailure, onSuccess }: ReadinessOptions,
): () => Promise<CheckState[]> {
  let underWay: Promise<CheckState[]> | undefined;
  const run = async (one: ReadinessCheck): Promise<CheckState> => {
    const { name } = one;
    try {
      await withTimeout(timeoutMs, one.check());
      onSuccess?.(name);
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

/**
 * The health of a process:
 * - `starting`: not ready, whatever the checks say;
 * - `running`: ready while every check passes;
 * - `closing`: not ready, so that no new work is sent here.
 */
export interface ProcessHealth {
  phase: 'starting' | 'running' | 'closing';
  /** Ignores a check whose name is already present: it is the same server. */
  add(checks: readonly ReadinessCheck[]): void;
  report(): Promise<{ readonly ready: boolean; readonly checks: readonly CheckState[] }>;
}

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
