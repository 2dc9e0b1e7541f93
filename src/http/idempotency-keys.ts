/**
 * Table idempotency_keys: the answers to requests that carried an Idempotency-Key.
 *
 * States of a caller's key:
 * - `claimed`: a request with it is in progress; another request with it gets 409;
 * - `answered`: the answer is stored and returned again;
 * - abandoned (the process died, some pulse was not confirmed, or the answer was not stored): the next request with the
 *   same body takes the key over and repeats everything with the same ids, so nothing is counted twice;
 * - expired: a day after its first request.
 *
 * A caller may have a number of keys and of stored bytes. Beyond the bytes, answers are not stored, which costs a
 * repetition but no correctness. Beyond the keys, new ones are refused: without its row, a retry would get other ids.
 */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import type { PoolClient } from 'pg';
import type { TenantScope } from '../core/tenant-scope.ts';
import { withTransaction } from '../platform/postgres.ts';
import { connectionsOf, type Connections, type ScopedPool } from '../platform/scoped-postgres.ts';
import { actorNameOf } from './caller.ts';
import { createKeyUsage, type KeyUsages } from './idempotency-usage.ts';
import { HTTP_PROBLEMS, invalidField, ProblemError } from './problems.ts';

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
  | { readonly state: 'answered'; readonly seed: IdSeed; readonly answer: string }
  | { readonly state: 'busy' | 'reused' };
type Conflict = Extract<Claim, { readonly state: 'busy' | 'reused' }>;

/** What the keys of one caller may take. */
export interface KeyLimits {
  readonly keysMax: number;
  /** Of compressed answers. */
  readonly bytesMax: number;
}

export interface IdempotencyKeys {
  /**
   * Claims the key for this request, or returns its state.
   *
   * @param bits For the seed of a new key.
   * @throws ProblemError 429: the caller has too many keys. Nothing was published.
   * @throws TransientError Postgres is unavailable or too busy; nothing was published.
   */
  claim(request: KeyedRequest, bits: Buffer): Promise<Claim>;
  /** Stores the answer for the next request with the key, or, if there is no room for it, releases the key. */
  answer(request: KeyedRequest, answer: string): Promise<void>;
  /** Lets the next request with the key and the same body repeat everything at once. */
  release(request: KeyedRequest): Promise<void>;
  /**
   * Runs work that is one transaction in Postgres. The key, the answer and the effects commit together; another
   * request with the key waits for the first one and then gets its answer.
   *
   * @param request Undefined: there is no key, and `work` runs each time.
   * @param work Its answer becomes JSON of at most 64 KiB, compressed. If it throws, the key stays free.
   * @throws ProblemError 409 or 422 because of the key; 429 the caller's keys take too much.
   * @throws TransientError Postgres is unavailable or too busy.
   */
  once<Answer>(
    request: KeyedRequest | undefined,
    work: (client: PoolClient) => Promise<Answer>,
  ): Promise<{ readonly answer: Answer; readonly replayed: boolean }>;
}

const LIMITS: KeyLimits = { keysMax: 100_000, bytesMax: 16 * 1024 * 1024 };
/** Of one compressed answer. */
const ANSWER_BYTES_MAX = 64 * 1024;
/** No answer is larger; this only bounds the work for a row that somebody tampered with. */
const INFLATED_BYTES_MAX = 8 * 1024 * 1024;
/** Longer than a request may take. Two at once would be safe but wasteful. */
const CLAIM_SECONDS = 120;
const KEPT_HOURS = 24;
const KEY = /^[\x21-\x7e]{1,128}$/;
/** Of work that derives no ids from its key. */
const NO_BITS = Buffer.alloc(16);

/** @returns The keys for the requests of callers with a scope, who take turns with what else they do. */
export function createIdempotencyKeys(
  pool: ScopedPool,
  limits = LIMITS,
): (tenants: TenantScope) => IdempotencyKeys {
  const usages = createKeyUsage();
  return (tenants) => keysIn(connectionsOf(pool, tenants), usages, limits);
}

function keysIn(pool: Connections, usages: KeyUsages, limits: KeyLimits): IdempotencyKeys {
  const usageOf = (caller: string) => usages.of(pool, caller);
  const inTransaction = <Result>(work: (client: PoolClient) => Promise<Result>) =>
    withTransaction(pool, work);
  const release: IdempotencyKeys['release'] = async ({ caller, key }) => {
    await inTransaction((client) => client.query(RELEASE, [caller, key]));
  };
  /** Refuses a new key beyond the limits; a known one is always answered. */
  const admit = async (request: KeyedRequest, bytesMax: number): Promise<void> => {
    const { keyCount, bytes } = await usageOf(request.caller);
    if (keyCount < limits.keysMax && bytes < bytesMax) return;
    if ((await inTransaction((client) => find(client, request))) === undefined) {
      throw tooManyKeys(limits);
    }
  };
  return {
    async claim(request, bits) {
      await admit(request, Infinity);
      const claim = await inTransaction((client) => claimKey(client, request, bits));
      if (claim.state === 'claimed') usages.add(request.caller, { keyCount: 1, bytes: 0 });
      return claim;
    },

    async answer(request, answer) {
      const { caller, key } = request;
      const packed = deflateRawSync(answer);
      const { bytes } = await usageOf(caller);
      if (packed.length > ANSWER_BYTES_MAX || bytes + packed.length > limits.bytesMax) {
        await release(request);
        return;
      }
      await inTransaction((client) => client.query(ANSWER, [caller, key, packed]));
      usages.add(caller, { keyCount: 0, bytes: packed.length });
    },

    release,

    async once<Answer>(
      request: KeyedRequest | undefined,
      work: (client: PoolClient) => Promise<Answer>,
    ) {
      if (request === undefined) return { answer: await inTransaction(work), replayed: false };
      await admit(request, limits.bytesMax);
      let storedBytes: number | undefined;
      const done = await inTransaction(async (client) => {
        const claim = await claimKey(client, request, NO_BITS);
        refuseConflict(claim);
        if (claim.state === 'answered') {
          return { answer: JSON.parse(claim.answer) as Answer, replayed: true };
        }
        const answer = await work(client);
        const packed = deflateRawSync(JSON.stringify(answer));
        await client.query(ANSWER, [request.caller, request.key, packed]);
        storedBytes = packed.length;
        return { answer, replayed: false };
      });
      if (storedBytes !== undefined) {
        usages.add(request.caller, { keyCount: 1, bytes: storedBytes });
      }
      return done;
    },
  };
}

/**
 * @param what Determines the effect of the request. The same key with something else gets 422.
 * @returns Undefined when the request has no key.
 * @throws ProblemError 400, as of `idempotencyKeyOf`.
 */
export function toKeyedRequest(
  request: FastifyRequest,
  what: unknown,
  names?: readonly string[],
): KeyedRequest | undefined {
  const key = idempotencyKeyOf(request.headers, names);
  if (key === undefined) return undefined;
  const fingerprint = createHash('sha256').update(JSON.stringify(what)).digest();
  return { caller: actorNameOf(request.user), key, fingerprint };
}

/**
 * Reads a request's key from whichever of the headers it has.
 *
 * @returns Undefined when there is none.
 * @throws ProblemError 400 it is not a key, or the headers differ.
 */
export function idempotencyKeyOf(
  headers: IncomingHttpHeaders,
  names: readonly string[] = ['Idempotency-Key'],
): string | undefined {
  const [name, ...others] = names.filter((one) => headers[one.toLowerCase()] !== undefined);
  if (name === undefined) return undefined;
  const key = headers[name.toLowerCase()];
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw invalidField(name, 'must be 1 to 128 visible ASCII characters');
  }
  const different = others.find((one) => headers[one.toLowerCase()] !== key);
  if (different === undefined) return key;
  throw invalidField(different, `must be the same as ${name}: send one of them`);
}

/** @throws ProblemError 409 another request with the key is in progress, 422 it was used for another request. */
export function refuseConflict(claim: Claim): asserts claim is Exclude<Claim, Conflict> {
  if (claim.state === 'reused') {
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_IDEMPOTENCY_KEY_REUSED, {
      detail: 'Send the first body again, or another key.',
    });
  }
  if (claim.state === 'busy') {
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_IDEMPOTENCY_KEY_BUSY, {
      detail: 'Send it again after `Retry-After` seconds.',
      headers: { 'retry-after': '1' },
    });
  }
}

/** Waits while another transaction has inserted the same key. */
async function claimKey(client: PoolClient, request: KeyedRequest, bits: Buffer): Promise<Claim> {
  const { caller, key, fingerprint } = request;
  const { rows } = await client.query<KeyRow>(CLAIM, [caller, key, fingerprint, bits]);
  if (rows[0] !== undefined) return { state: 'claimed', seed: seedOf(rows[0]) };
  const row = await find(client, request);
  // It expired and was deleted between the two statements.
  if (row === undefined) return { state: 'busy' };
  if (!row.fingerprint.equals(fingerprint)) return { state: 'reused' };
  if (row.answer === null) return { state: 'busy' };
  const answer = inflateRawSync(row.answer, { maxOutputLength: INFLATED_BYTES_MAX }).toString();
  return { state: 'answered', seed: seedOf(row), answer };
}

async function find(
  client: PoolClient,
  { caller, key }: KeyedRequest,
): Promise<KeyRow | undefined> {
  return (await client.query<KeyRow>(FIND, [caller, key])).rows[0];
}

interface KeyRow {
  readonly fingerprint: Buffer;
  readonly answer: Buffer | null;
  readonly id_seed: Buffer;
  readonly created_ms: string;
}

const COLUMNS = 'fingerprint, answer, id_seed, extract(epoch FROM created_at) * 1000 AS created_ms';

/** Of a row `stored`: its key may be used again. */
export const IS_OVER = `stored.created_at < now() - interval '${KEPT_HOURS} hours'`;

const CLAIM = `
  INSERT INTO idempotency_keys AS stored (caller, key, fingerprint, id_seed, claimed_until)
  VALUES ($1, $2, $3, $4, now() + interval '${CLAIM_SECONDS} seconds')
  ON CONFLICT (caller, key) DO UPDATE SET
    fingerprint = excluded.fingerprint,
    created_at = CASE WHEN ${IS_OVER} THEN excluded.created_at ELSE stored.created_at END,
    claimed_until = excluded.claimed_until,
    answer = NULL
  WHERE ${IS_OVER} OR (
    stored.fingerprint = excluded.fingerprint AND stored.answer IS NULL AND stored.claimed_until <= now())
  RETURNING ${COLUMNS}`;

const FIND = `SELECT ${COLUMNS} FROM idempotency_keys WHERE caller = $1 AND key = $2`;

const ANSWER = 'UPDATE idempotency_keys SET answer = $3 WHERE caller = $1 AND key = $2';

const RELEASE = `
  UPDATE idempotency_keys SET claimed_until = now()
  WHERE caller = $1 AND key = $2 AND answer IS NULL`;

function seedOf({ id_seed: bits, created_ms }: KeyRow): IdSeed {
  return { timeMs: Math.floor(Number(created_ms)), bits };
}

function tooManyKeys({ keysMax, bytesMax }: KeyLimits): ProblemError {
  return new ProblemError(HTTP_PROBLEMS.PULSE_API_TOO_MANY_REQUESTS, {
    detail:
      `Your idempotency keys of the last ${KEPT_HOURS} hours have reached a limit: ` +
      `${keysMax.toLocaleString('en')} keys, and ${bytesMax.toLocaleString('en')} bytes of answers. ` +
      'Send more in each request, or give pulses ids, which need no key.',
    headers: { 'retry-after': '3600' },
  });
}
