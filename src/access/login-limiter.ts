/**
 * Tables login_attempts and login_addresses: limits password guessing, across all API processes.
 *
 * Two counters must both admit an attempt. Both count it before its password is checked, so a hundred simultaneous
 * guesses count as a hundred:
 *
 * - per address: a number of attempts in each span of time, over all accounts.
 * - per account, over all addresses: the first few are free, then each must wait twice as long as the one before, up
 *   to `BLOCK_SECONDS_MAX`. A success, or a day without an attempt, resets the counter. The wait is bounded, attempts
 *   during it do not prolong it, and an address from which the account logged in recently has a separate counter. So
 *   a stranger who guesses all day cannot lock the owner out at a usual address, and elsewhere only for that wait.
 *
 * Strangers may invent accounts, so only `accountsMax` are counted: those with the fewest attempts are forgotten first,
 * of these the longest idle ones, and never one that must wait. To have the attempts on one account forgotten, a
 * guesser would have to make as many on each of `accountsMax` others: for one more guess, `accountsMax` attempts.
 */
import { createHmac } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { withTransaction } from '../platform/postgres.ts';
import { addressGroup } from '../core/address-group.ts';
import { noteLogin } from './users.ts';

export interface LoginLimits {
  /** Attempts on one account without a wait. */
  readonly perAccount: number;
  /** Attempts from one address in each span of `windowMs`. */
  readonly perAddress: number;
  readonly windowMs: number;
  /** Accounts, known and unknown ones, whose attempts are counted; it is kept to about once a minute. */
  readonly accountsMax: number;
}

export interface LoginAttempt {
  readonly username: string;
  readonly address: string;
}

export interface Admission {
  /** The seconds to wait before trying; 0 to continue. */
  readonly waitSeconds: number;
  /** Whether the account logged in from there recently. */
  readonly isUsualPlace: boolean;
}

export interface LoginLimiter {
  /** Counts an attempt. */
  admit(attempt: LoginAttempt): Promise<Admission>;
  /** Call it when the password was right. */
  succeeded(attempt: LoginAttempt): Promise<void>;
  /** Whether the account has logged in from there through this process, so that it is no stranger. Asks nobody. */
  isRemembered(attempt: LoginAttempt): boolean;
}

/** At this wait a guesser has about a hundred attempts a day. */
const BLOCK_SECONDS_MAX = 900;
const FORGET_SECONDS = 86_400;
const ADDRESS_KNOWN_DAYS = 30;
/** Known addresses of one account. */
const ADDRESSES_MAX = 50;
const TRIM_EVERY_MS = 60_000;
const REMEMBERED_MAX = 10_000;

/** @param key Keys the hashes of names and addresses in the tables; the same in all processes. */
export function createLoginLimiter(pool: Pool, key: string, limits: LoginLimits): LoginLimiter {
  const hash = (...parts: string[]): Buffer =>
    createHmac('sha256', key).update(JSON.stringify(parts)).digest();

  const accountOf = async (client: PoolClient, { username, address }: LoginAttempt) => {
    const place = hash('place', addressGroup(address));
    const { rowCount } = await client.query(
      `SELECT FROM login_addresses
       WHERE username = $1 AND address = $2 AND last_login_at > now() - $3 * interval '1 day'`,
      [username, place, ADDRESS_KNOWN_DAYS],
    );
    const isUsualPlace = rowCount === 1;
    const account = hash('account', username, isUsualPlace ? addressGroup(address) : '');
    return { place, account, isUsualPlace };
  };

  /** The oldest is the first. */
  const remembered = new Set<string>();
  const nameOf = ({ username, address }: LoginAttempt) => `${addressGroup(address)} ${username}`;
  const remember = (attempt: LoginAttempt): void => {
    const name = nameOf(attempt);
    remembered.delete(name);
    remembered.add(name);
    const [oldest] = remembered;
    if (remembered.size > REMEMBERED_MAX && oldest !== undefined) remembered.delete(oldest);
  };

  let trimmedMs = -Infinity;
  /** Counting all rows takes too long for every attempt. */
  const trim = async (client: PoolClient): Promise<void> => {
    const nowMs = performance.now();
    if (nowMs - trimmedMs < TRIM_EVERY_MS) return;
    trimmedMs = nowMs;
    await client.query(TRIM, [limits.accountsMax, limits.windowMs]);
  };

  return {
    async admit(attempt) {
      // In a separate transaction: deleting and counting rows in one could deadlock.
      await withTransaction(pool, async (client) => {
        await client.query(FORGET);
        await trim(client);
      });
      return await withTransaction(pool, async (client) => {
        const address = hash('address', addressGroup(attempt.address));
        const { perAccount, perAddress, windowMs } = limits;
        const addressWait = await count(client, COUNT_ADDRESS, [address, perAddress, windowMs]);
        if (addressWait > 0) return { waitSeconds: addressWait, isUsualPlace: false };
        const { account, isUsualPlace } = await accountOf(client, attempt);
        const waitSeconds = await count(client, COUNT_ACCOUNT, [account, perAccount]);
        return { waitSeconds, isUsualPlace };
      });
    },

    isRemembered: (attempt) => remembered.has(nameOf(attempt)),

    async succeeded(attempt) {
      await withTransaction(pool, async (client) => {
        const { place, account } = await accountOf(client, attempt);
        await noteLogin(client, attempt.username);
        await client.query('DELETE FROM login_attempts WHERE subject = $1', [account]);
        await client.query(
          `INSERT INTO login_addresses (username, address) VALUES ($1, $2)
           ON CONFLICT (username, address) DO UPDATE SET last_login_at = now()`,
          [attempt.username, place],
        );
        await client.query(
          `DELETE FROM login_addresses WHERE username = $1 AND address IN (
             SELECT address FROM login_addresses WHERE username = $1
             ORDER BY last_login_at DESC, address OFFSET $2)`,
          [attempt.username, ADDRESSES_MAX],
        );
      });
      remember(attempt);
    },
  };
}

/** The first query returns no row if the counter blocks; the second one then says for how long. */
async function count(client: PoolClient, sql: string, values: unknown[]): Promise<number> {
  const { rowCount } = await client.query(sql, values);
  if (rowCount === 1) return 0;
  const { rows } = await client.query<{ seconds: number }>(
    `SELECT ceil(extract(epoch FROM blocked_until - clock_timestamp()))::int AS seconds
     FROM login_attempts WHERE subject = $1`,
    [values[0]],
  );
  return Math.max(1, rows[0]?.seconds ?? 1);
}

const COUNT_ADDRESS = `
  INSERT INTO login_attempts AS known (subject, attempt_count, blocked_until, forget_at)
  SELECT $1, 1, CASE WHEN $2 > 1 THEN now ELSE forget END, forget
  FROM (SELECT clock_timestamp() AS now, clock_timestamp() + $3 * interval '1 millisecond' AS forget) AS clock
  ON CONFLICT (subject) DO UPDATE SET
    attempt_count = CASE WHEN known.forget_at <= clock_timestamp() THEN 1 ELSE known.attempt_count + 1 END,
    forget_at = CASE WHEN known.forget_at <= clock_timestamp() THEN excluded.forget_at ELSE known.forget_at END,
    blocked_until = CASE
      WHEN known.forget_at <= clock_timestamp() THEN excluded.blocked_until
      WHEN known.attempt_count + 1 >= $2 THEN known.forget_at
      ELSE clock_timestamp() END
  WHERE known.blocked_until <= clock_timestamp()`;

/** The exponent is bounded, because the power would overflow. */
const COUNT_ACCOUNT = `
  INSERT INTO login_attempts AS known (subject, attempt_count, blocked_until, forget_at)
  VALUES ($1, 1, clock_timestamp(), clock_timestamp() + ${FORGET_SECONDS} * interval '1 second')
  ON CONFLICT (subject) DO UPDATE SET
    attempt_count = CASE WHEN known.forget_at <= clock_timestamp() THEN 1 ELSE known.attempt_count + 1 END,
    forget_at = excluded.forget_at,
    blocked_until = clock_timestamp() + interval '1 second' * CASE
      WHEN known.forget_at <= clock_timestamp() OR known.attempt_count + 1 < $2 THEN 0
      ELSE least(${BLOCK_SECONDS_MAX}, 2 ^ least(known.attempt_count + 1 - $2, 20)) END
  WHERE known.blocked_until <= clock_timestamp()`;

/** Deletes a few rows at each attempt, which adds at most two. */
const FORGET = `
  DELETE FROM login_attempts WHERE subject IN (
    SELECT subject FROM login_attempts WHERE forget_at < now() - interval '1 minute'
    ORDER BY forget_at LIMIT 20 FOR UPDATE SKIP LOCKED)`;

/** The rows of accounts are those that are kept for longer than an address is counted. */
const TRIM = `
  DELETE FROM login_attempts WHERE subject IN (
    SELECT subject FROM login_attempts
    WHERE forget_at > now() + $2 * interval '1 millisecond' AND blocked_until <= now()
    ORDER BY attempt_count, forget_at
    LIMIT (SELECT greatest(count(*) - $1, 0) FROM login_attempts
           WHERE forget_at > now() + $2 * interval '1 millisecond')
    FOR UPDATE SKIP LOCKED)`;
