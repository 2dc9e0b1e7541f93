/** GET /health/live and GET /health/ready. */
import type { FastifyBaseLogger } from 'fastify';
import type { Api } from '../api-types.ts';
import { ProblemError } from '../problems.ts';
import { liveSchema, readySchema } from '../schemas/health-schema.ts';

/** One server the process cannot work without. `check` rejects while it is away. */
export interface ReadinessCheck {
  readonly name: string;
  check(): Promise<void>;
}

export interface HealthRoutesOptions {
  readonly readinessChecks: readonly ReadinessCheck[];
  readonly readinessTimeoutMs: number;
  readonly lifecycle: { readonly closing: boolean };
}

interface CheckState {
  readonly name: string;
  readonly ready: boolean;
}

/** Adds the routes. They tell what is away, never why: the reason goes to the log. */
export function addHealthRoutes(api: Api, options: HealthRoutesOptions): void {
  const runChecks = sharedChecks(options, api.log);

  api.get('/health/live', { schema: liveSchema, config: { public: true } }, () => ({
    live: true as const,
  }));

  api.get('/health/ready', { schema: readySchema, config: { public: true } }, async () => {
    const checks = await runChecks();
    const ready = !options.lifecycle.closing && checks.every((check) => check.ready);
    if (ready) return { ready, checks };
    const away = checks.filter((check) => !check.ready).map(({ name }) => name);
    const detail = away.length > 0 ? `Away: ${away.join(', ')}.` : 'The server is closing.';
    throw new ProblemError('PULSE_API_NOT_READY', { detail, members: { ready, checks } });
  });
}

/** Requests that come while checks run share their answer: nobody can make the servers busy with it. */
function sharedChecks(
  { readinessChecks, readinessTimeoutMs }: HealthRoutesOptions,
  log: FastifyBaseLogger,
): () => Promise<CheckState[]> {
  let underWay: Promise<CheckState[]> | undefined;
  return () => {
    underWay ??= Promise.all(readinessChecks.map(runCheck)).finally(() => {
      underWay = undefined;
    });
    return underWay;
  };

  async function runCheck(dependency: ReadinessCheck): Promise<CheckState> {
    const { name } = dependency;
    try {
      await withTimeout(dependency.check(), readinessTimeoutMs);
      return { name, ready: true };
    } catch (error) {
      log.warn({ err: error, name }, 'readiness check failed');
      return { name, ready: false };
    }
  }
}

async function withTimeout(work: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${timeoutMs} ms`));
    }, timeoutMs);
  });
  try {
    await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
