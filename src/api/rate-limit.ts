/** How many requests a caller may make, and the headers that tell how many are left. */
import { fastifyRateLimit } from '@fastify/rate-limit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Api } from '../http/api-module.ts';
import { actorNameOf } from '../http/caller.ts';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';

const WINDOW_SECONDS = 60;
/** Callers whose requests are counted at a time; beyond it the longest idle one is forgotten. */
const CALLERS_MAX = 10_000;

/**
 * Limits every caller to so many requests a minute: whoever is authenticated by name, the others by address
 * (IPv6 by /64). Counted in this process alone: a counter in Redis would cost an fsync a request. Health checks
 * are exempt, and so is what authentication refuses.
 *
 * `RateLimit` and `RateLimit-Policy` are those of draft-ietf-httpapi-ratelimit-headers-10: `q` requests in each
 * `w` seconds, of which `r` are left for the next `t` seconds.
 *
 * Comes after authentication, which must have told who calls.
 */
export async function addRateLimit(
  app: Api,
  { requestsPerMinute }: { requestsPerMinute: number },
): Promise<void> {
  await app.register(fastifyRateLimit, { global: false, cache: CALLERS_MAX });
  const options = { max: requestsPerMinute, timeWindow: WINDOW_SECONDS * 1000 };
  const byAddress = app.createRateLimit(options);
  const byCaller = app.createRateLimit({ ...options, keyGenerator: callerOf });

  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.url?.includes('/health/') === true) return;
    const policy = isKnown(request) ? 'caller' : 'address';
    const verdict = await (policy === 'caller' ? byCaller : byAddress)(request);
    if (verdict.isAllowed) return;
    const { remaining, ttlInSeconds } = verdict;
    tell(reply, {
      'ratelimit-policy': `"${policy}";q=${requestsPerMinute};w=${WINDOW_SECONDS}`,
      ratelimit: `"${policy}";r=${remaining};t=${ttlInSeconds}`,
    });
    if (!verdict.isExceeded) return;
    request.log.warn({ policy, address: request.ip }, 'requests exceeded');
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_TOO_MANY_REQUESTS, {
      detail: `${requestsPerMinute} requests a minute are answered. Try again in ${ttlInSeconds} seconds.`,
      headers: { 'retry-after': String(ttlInSeconds) },
    });
  });
}

function tell(reply: FastifyReply, headers: Readonly<Record<string, string>>): void {
  void reply.headers(headers);
}

/** Whatever its type says, there is no user where nobody has to authenticate. */
function isKnown(request: FastifyRequest): boolean {
  return (request.user as FastifyRequest['user'] | null) !== null;
}

function callerOf({ user }: FastifyRequest): string {
  return actorNameOf(user);
}
