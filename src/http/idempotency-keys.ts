/**
 * Table idempotency_keys: the results of requests that carried an Idempotency-Key.
 *
 * States of a caller's key:
 * - `claimed`: a request with it is in progress; another request with it gets 409;
 * - `answered`: the outcomes are stored and returned again;
 * - abandoned (the process died, or some pulse was not confirmed): the next request with the same body takes the
 *   key over and repeats everything with the same ids, so nothing is counted twice;
 * - expired: a day after its first request.
 */
import type { Pool } from 'pg';
import { withTransaction } from '../platform/postgres.ts';

export interface KeyedRequest {
  /** Kind and name: the keys of different callers are independent. */
  readonly caller: string;
  readonly key: string;
  /** SHA-256 of the request. */
  readonly fingerprint: Buffer;
}

/**
 * The source of the ids of pulses that have none, fixed before the first pulse is published.
 *
 * A key that is used again after it expired keeps the bits and gets another time, and so other ids.
 */
export interface IdSeed {
  readonly timeMs: number;
  readonly bits: Buffer;
}

export type Claim =
  | { readonly state: 'claimed'; readonly seed: IdSeed }
  | { readonly state: 'answered'; readonly outcomes: string }
  | { readonly state: 'busy' | 'reused' };

/** Longer than a request may take. Two at once would be safe but wasteful. */
const CLAIM_SECONDS = 120;
const KEPT_HOURS = 24;
/** Expired rows that each claim deletes: more than it adds, so that the table does not grow without bound. */
const FORGOTTEN_PER_CLAIM = 10;

const FORGET = `
  DELETE FROM idempotency_keys WHERE (caller, key) IN (
    SELECT caller, key FROM idempotency_keys
    WHERE created_at < now() - interval '${KEPT_HOURS} hours'
    ORDER BY created_at LIMIT ${FORGOTTEN_PER_CLAIM} FOR UPDATE SKIP LOCKED)`;

const IS_OVER = `kept.created_at < now() - interval '${KEPT_HOURS} hours'`;

const CLAIM = `
  INSERT INTO idempotency_keys AS kept (caller, key, fingerprint, id_seed, claimed_until)
  VALUES ($1, $2, $3, $4, now() + interval '${CLAIM_SECONDS} seconds')
  ON CONFLICT (caller, key) DO UPDATE SET
    fingerprint = excluded.fingerprint,
    created_at = CASE WHEN ${IS_OVER} THEN excluded.created_at ELSE kept.created_at END,
    claimed_until = excluded.claimed_until,
    outcomes = NULL
  WHERE ${IS_OVER} OR (
    kept.fingerprint = excluded.fingerprint AND kept.outcomes IS NULL AND kept.claimed_until <= now())
  RETURNING id_seed, extract(epoch FROM created_at) * 1000 AS created_ms`;

const FIND = 'SELECT fingerprint, outcomes FROM idempotency_keys WHERE caller = $1 AND key = $2';

const ANSWER = 'UPDATE idempotency_keys SET outcomes = $3 WHERE caller = $1 AND key = $2';

const RELEASE = `
  UPDATE idempotency_keys SET claimed_until = now()
  WHERE caller = $1 AND key = $2 AND outcomes IS NULL`;

/**
 * Claims the key for this request, or returns its state.
 *
 * @param bits For the seed of a new key.
 * @throws TransientError Postgres is unavailable or too busy; nothing was published.
 */
export async function claimKey(pool: Pool, request: KeyedRequest, bits: Buffer): Promise<Claim> {
  const { caller, key, fingerprint } = request;
  await withTransaction(pool, (client) => client.query(FORGET));
  return withTransaction(pool, async (client) => {
    const claimed = await client.query<{ id_seed: Buffer; created_ms: string }>(CLAIM, [
      caller,
      key,
      fingerprint,
      bits,
    ]);
    const row = claimed.rows[0];
    if (row !== undefined) {
      const seed = { timeMs: Math.floor(Number(row.created_ms)), bits: row.id_seed };
      return { state: 'claimed', seed };
    }
    const found = await client.query<{ fingerprint: Buffer; outcomes: string | null }>(FIND, [
      caller,
      key,
    ]);
    const kept = found.rows[0];
    // It expired and was deleted between the two statements.
    if (kept === undefined) return { state: 'busy' };
    if (!kept.fingerprint.equals(fingerprint)) return { state: 'reused' };
    if (kept.outcomes === null) return { state: 'busy' };
    return { state: 'answered', outcomes: kept.outcomes };
  });
}

/** Stores the outcomes for the next request with the key. */
export async function keepOutcomes(
  pool: Pool,
  { caller, key }: KeyedRequest,
  outcomes: string,
): Promise<void> {
  await withTransaction(pool, (client) => client.query(ANSWER, [caller, key, outcomes]));
}

/** Lets the next request with the key and the same body repeat everything at once. */
export async function releaseKey(pool: Pool, { caller, key }: KeyedRequest): Promise<void> {
  await withTransaction(pool, (client) => client.query(RELEASE, [caller, key]));
}
