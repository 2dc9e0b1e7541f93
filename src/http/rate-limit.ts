/** Limits the requests of each caller, and reports the remaining ones in headers. */
import { fastifyRateLimit } from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import { addressGroup } from '../core/address-group.ts';
import type { Api } from './api-module.ts';
import { actorNameOf } from './caller.ts';
import { HTTP_PROBLEMS, ProblemError } from './problems.ts';
import type { RefusalLines } from './refusal-lines.ts';

const WINDOW_SECONDS = 60;
/** Callers whose requests are counted; beyond this number the longest idle one is forgotten. */
const CALLERS_MAX = 10_000;

export interface RateLimitOptions {
  readonly requestsPerMinute: number;
  readonly refusals: Pick<RefusalLines, 'warn'>;
}

/**
 * Limits each caller to a number of requests per minute: authenticated callers by name, others by address (IPv6 by
 * /64). Each process counts separately, because a counter in Redis would cost an fsync per request. Health checks and
 * requests that authentication refuses are exempt.
 *
 * `RateLimit` and `RateLimit-Policy` are those of draft-ietf-httpapi-ratelimit-headers-10: `q` requests in each
 * `w` seconds, of which `r` are left for the next `t` seconds.
 *
 * Call it after adding authentication, because it needs the caller.
 */
export async function addRateLimit(
  app: Api,
  { requestsPerMinute, refusals }: RateLimitOptions,
): Promise<void> {
  await app.register(fastifyRateLimit, { global: false, cache: CALLERS_MAX });
  const options = { max: requestsPerMinute, timeWindow: WINDOW_SECONDS * 1000 };
  const byAddress = app.createRateLimit({ ...options, keyGenerator: groupOf });
  const byCaller = app.createRateLimit({ ...options, keyGenerator: callerOf });

  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.url?.includes('/health/') === true) return;
    const policy = isKnown(request) ? 'caller' : 'address';
    const verdict = await (policy === 'caller' ? byCaller : byAddress)(request);
    if (verdict.isAllowed) return;
    const { remaining, ttlInSeconds } = verdict;
    void reply.headers({
      'ratelimit-policy': `"${policy}";q=${requestsPerMinute};w=${WINDOW_SECONDS}`,
      ratelimit: `"${policy}";r=${remaining};t=${ttlInSeconds}`,
    });
    if (!verdict.isExceeded) return;
    refusals.warn(request.log, { policy, address: request.ip }, 'requests exceeded');
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_TOO_MANY_REQUESTS, {
      detail: `The limit is ${requestsPerMinute} requests per minute. Try again in ${ttlInSeconds} seconds.`,
      headers: { 'retry-after': String(ttlInSeconds) },
    });
  });
}

/** In spite of its type, `user` is null on public routes. */
function isKnown(request: FastifyRequest): boolean {
  return (request.user as FastifyRequest['user'] | null) !== null;
}

function groupOf({ ip }: FastifyRequest): string {
  return addressGroup(ip);
}

function callerOf({ user }: FastifyRequest): string {
  return actorNameOf(user);
}
