/** Relays that were killed, without waiting until they count as dead. */
import type { Pool } from 'pg';

/** As if the time had passed after which another relay takes over what a dead one had in progress. */
export async function forgetRelays(pool: Pool): Promise<void> {
  await pool.query(`
    DELETE FROM relays;
    UPDATE graphile_worker._private_jobs SET locked_at = now() - interval '30 seconds'
      WHERE locked_at IS NOT NULL`);
}
