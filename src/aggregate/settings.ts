/** Settings that all processes share, kept in Postgres because it outlives Redis and RabbitMQ. */
import { randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import { codeOf, FatalError } from '../core/errors.ts';
import { toPulseError } from '../platform/postgres.ts';

export interface Settings {
  /** 32 bytes in hex: the key for fingerprints of pulse ids, so that no tenant can craft a collision. */
  readonly dedupeSecret: string;
}

/** The part of the configuration that must not change once pulses are counted. */
export interface InstallationOptions {
  readonly shards: number;
  readonly windowSeconds: number;
}

/**
 * Writes missing settings and reads them all. Of several concurrent first starts, one wins.
 *
 * @throws FatalError PULSE_REDIS_SHARDS, PULSE_SETTINGS_WINDOW The configuration differs from what this
 * installation uses.
 * @throws TransientError Postgres did not answer; nothing was written partially.
 */
export async function ensureSettings(
  pool: Pick<Pool, 'query'>,
  { shards, windowSeconds }: InstallationOptions,
): Promise<Settings> {
  const stored = await writeMissing(pool, {
    shards: String(shards),
    window_minutes: String(windowSeconds / 60),
    dedupe_secret: newSecret(),
  });
  assertSame(stored, { shards, windowSeconds });
  const dedupeSecret = stored.get('dedupe_secret');
  if (dedupeSecret === undefined) throw new Error('The setting dedupe_secret vanished.');
  return { dedupeSecret };
}

/**
 * Refuses what ensureSettings would refuse, and writes nothing. The database may be empty.
 *
 * @throws FatalError PULSE_REDIS_SHARDS, PULSE_SETTINGS_WINDOW
 */
export async function assertSettingsFit(
  pool: Pick<Pool, 'query'>,
  options: InstallationOptions,
): Promise<void> {
  try {
    assertSame(await readStoredSettings(pool), options);
  } catch (error) {
    if (codeOf(error) !== UNDEFINED_TABLE) throw toPulseError(error);
  }
}

function assertSame(
  stored: ReadonlyMap<string, string>,
  { shards, windowSeconds }: InstallationOptions,
): void {
  const storedShards = stored.get('shards') ?? String(shards);
  if (storedShards !== String(shards)) {
    throw new FatalError(
      'PULSE_REDIS_SHARDS',
      `SHARDS is ${shards}, but this installation uses ${storedShards}: set SHARDS=${storedShards}. ` +
        `To change the number, stop all workers, run 'pulse flush', empty Redis, then update the row 'shards' in the table settings.`,
    );
  }
  const minutes = windowSeconds / 60;
  const storedMinutes = stored.get('window_minutes') ?? String(minutes);
  if (storedMinutes !== String(minutes)) {
    throw new FatalError('PULSE_SETTINGS_WINDOW', windowMismatch(minutes, storedMinutes));
  }
}

const UNDEFINED_TABLE = '42P01';

/** What to do about a WINDOW_MINUTES that differs from the stored one. */
export function windowMismatch(configured: number, stored: string): string {
  return (
    `WINDOW_MINUTES is ${configured}, but this installation counts in windows of ${stored} minutes: set ` +
    `WINDOW_MINUTES=${stored}. The length is fixed at the first start, because sums cannot be split afterwards. ` +
    'Another length needs an empty database and an empty Redis.'
  );
}

/** The settings of this installation; empty before its first start. */
export async function readStoredSettings(
  pool: Pick<Pool, 'query'>,
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await pool.query<{ name: string; value: string }>(
    'SELECT name, value FROM settings',
  );
  return new Map(rows.map(({ name, value }) => [name, value]));
}

async function writeMissing(
  pool: Pick<Pool, 'query'>,
  values: Readonly<Record<string, string>>,
): Promise<ReadonlyMap<string, string>> {
  try {
    await pool.query(
      `INSERT INTO settings (name, value) SELECT * FROM unnest($1::text[], $2::text[])
       ON CONFLICT (name) DO NOTHING`,
      [Object.keys(values), Object.values(values)],
    );
    return await readStoredSettings(pool);
  } catch (error) {
    throw toPulseError(error);
  }
}

function newSecret(): string {
  return randomBytes(32).toString('hex');
}
