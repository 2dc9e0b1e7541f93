/** Settings that all processes share, kept in Postgres because it outlives Redis and RabbitMQ. */
import { randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import { FatalError } from '../core/errors.ts';
import { toPulseError } from '../platform/postgres.ts';

export interface Settings {
  /** 32 bytes in hex: the key for fingerprints of pulse ids, so that no tenant can craft a collision. */
  readonly dedupeSecret: string;
}

/**
 * Writes missing settings and reads them all. Of several concurrent first starts, one wins.
 *
 * @throws FatalError PULSE_REDIS_SHARDS `shards` differs from the number this installation uses.
 * @throws TransientError Postgres did not answer; nothing was written partially.
 */
export async function ensureSettings(
  pool: Pick<Pool, 'query'>,
  { shards }: { readonly shards: number },
): Promise<Settings> {
  const stored = await writeMissing(pool, { shards: String(shards), secret: newSecret() });
  const storedShards = stored.get('shards');
  const dedupeSecret = stored.get('dedupe_secret');
  if (storedShards !== String(shards)) {
    throw new FatalError(
      'PULSE_REDIS_SHARDS',
      `SHARDS is ${shards}, but this installation uses ${storedShards ?? 'none'}: set SHARDS=${storedShards ?? 1}. ` +
        `To change the number, stop all workers, run 'pulse flush', empty Redis, then update the row 'shards' in the table settings.`,
    );
  }
  if (dedupeSecret === undefined) throw new Error('The setting dedupe_secret vanished.');
  return { dedupeSecret };
}

/** The number of shards this installation uses; undefined before its first start. */
export async function readStoredShards(pool: Pick<Pool, 'query'>): Promise<string | undefined> {
  const { rows } = await pool.query<{ value: string }>(
    "SELECT value FROM settings WHERE name = 'shards'",
  );
  return rows[0]?.value;
}

async function writeMissing(
  pool: Pick<Pool, 'query'>,
  { shards, secret }: { shards: string; secret: string },
): Promise<Map<string, string>> {
  try {
    await pool.query(
      `INSERT INTO settings (name, value) VALUES ('shards', $1), ('dedupe_secret', $2)
       ON CONFLICT (name) DO NOTHING`,
      [shards, secret],
    );
    const { rows } = await pool.query<{ name: string; value: string }>(
      'SELECT name, value FROM settings',
    );
    return new Map(rows.map(({ name, value }) => [name, value]));
  } catch (error) {
    throw toPulseError(error);
  }
}

function newSecret(): string {
  return randomBytes(32).toString('hex');
}
