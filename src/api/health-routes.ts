/** GET /health/live and GET /health/ready. */
import { createReadiness, logReadiness, type ReadinessCheck } from '../platform/health.ts';
import type { Api } from '../http/api-module.ts';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import { liveSchema, readySchema } from './health-schema.ts';

export interface HealthRoutesOptions {
  readonly readinessChecks: readonly ReadinessCheck[];
  readonly readinessTimeoutMs: number;
  readonly lifecycle: { readonly closing: boolean };
}

/** Adds the routes. Answers name the servers that are unavailable; the reasons go only to the log. */
export function addHealthRoutes(api: Api, options: HealthRoutesOptions): void {
  const runChecks = createReadiness(options.readinessChecks, {
    timeoutMs: options.readinessTimeoutMs,
    ...logReadiness(api.log),
  });

  api.get('/health/live', { schema: liveSchema, config: { public: true } }, () => ({
    live: true as const,
  }));

  api.get('/health/ready', { schema: readySchema, config: { public: true } }, async () => {
    const checks = await runChecks();
    const ready = !options.lifecycle.closing && checks.every((check) => check.ready);
    if (ready) return { ready, checks };
    const unavailable = checks.filter((check) => !check.ready).map(({ name }) => name);
    const detail =
      unavailable.length > 0 ? `Unavailable: ${unavailable.join(', ')}.` : 'It is shutting down.';
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_READY, {
      detail,
      members: { ready, checks },
    });
  });
}
