/**
 * An Idempotency-Key for work that is one transaction in Postgres: the key, its answer and the effects
 * commit together. A second request with the key waits for the first one and then gets its answer; a
 * request that fails leaves no key behind.
 */
import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { PoolClient } from 'pg';
import { actorNameOf } from './caller.ts';
import { HTTP_PROBLEMS, invalidField, ProblemError } from './problems.ts';

/** A request as its key sees it. */
export interface IdempotentRequest {
  /** Keys of different callers have nothing to do with each other. */
  readonly caller: string;
  readonly key: string;
  /** SHA-256 of the route and the body. */
  readonly fingerprint: Buffer;
}

const KEY = /^[\x21-\x7e]{1,128}$/;
const KEPT_HOURS = 24;

/** Reads `Idempotency-Key` or `X-Idempotency-Key`; undefined when there is none. */
export function idempotentRequest(request: FastifyRequest): IdempotentRequest | undefined {
  const { headers } = request;
  const key = headers['idempotency-key'] ?? headers['x-idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw invalidField('Idempotency-Key', 'must be 1 to 128 visible ASCII characters');
  }
  const { method, url } = request.routeOptions;
  const route = `${String(method)} ${url ?? ''}`.replace('/api/v1/', '/');
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([route, request.params, request.body]))
    .digest();
  return { caller: actorNameOf(request.user), key, fingerprint };
}

/**
 * Runs `work` once for a key.
 *
 * @param client In a transaction of READ COMMITTED, which the caller commits.
 * @param request Undefined: `work` runs each time.
 * @returns The answer of `work`, or that of the first request with the key.
 * @throws ProblemError 422 the key was used for another body.
 */
export async function withIdempotencyKey<Answer>(
  client: PoolClient,
  request: IdempotentRequest | undefined,
  work: () => Promise<Answer>,
): Promise<{ readonly answer: Answer; readonly replayed: boolean }> {
  if (request === undefined) return { answer: await work(), replayed: false };
  const { caller, key, fingerprint } = request;
  const kept = await claim(client, request);
  if (kept === undefined) {
    const answer = await work();
    await client.query('UPDATE idempotency_keys SET outcomes = $3 WHERE caller = $1 AND key = $2', [
      caller,
      key,
      JSON.stringify(answer),
    ]);
    return { answer, replayed: false };
  }
  if (!kept.fingerprint.equals(fingerprint)) {
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_IDEMPOTENCY_KEY_REUSED);
  }
  if (kept.outcomes === null) {
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_IDEMPOTENCY_KEY_BUSY, {
      headers: { 'retry-after': '1' },
    });
  }
  return { answer: JSON.parse(kept.outcomes) as Answer, replayed: true };
}

/** Undefined: the key is this request's. Waits while another transaction has inserted the same key. */
async function claim(
  client: PoolClient,
  { caller, key, fingerprint }: IdempotentRequest,
): Promise<{ fingerprint: Buffer; outcomes: string | null } | undefined> {
  await client.query(
    `DELETE FROM idempotency_keys
     WHERE caller = $1 AND key = $2 AND created_at < now() - $3 * interval '1 hour'`,
    [caller, key, KEPT_HOURS],
  );
  const { rowCount } = await client.query(
    `INSERT INTO idempotency_keys (caller, key, fingerprint, id_seed, claimed_until)
     VALUES ($1, $2, $3, substr(sha256($3), 1, 16), now()) ON CONFLICT DO NOTHING`,
    [caller, key, fingerprint],
  );
  if (rowCount === 1) return undefined;
  const { rows } = await client.query<{ fingerprint: Buffer; outcomes: string | null }>(
    'SELECT fingerprint, outcomes FROM idempotency_keys WHERE caller = $1 AND key = $2',
    [caller, key],
  );
  return rows[0] ?? { fingerprint, outcomes: null };
}
