/** Encrypts the secrets of all endpoints with the current key. */
import type { Pool } from 'pg';
import { withTransaction } from '../platform/postgres.ts';
import { listSecrets, replaceSecrets } from './endpoints-query.ts';
import type { SecretBox } from './secret-box.ts';

const AT_A_TIME = 100;

/**
 * Each step commits by itself, so it can be repeated after an error.
 *
 * @returns How many endpoints have their secrets under the current key now: all.
 * @throws FatalError PULSE_DELIVERY_SECRET_KEY A secret needs a key that is not there.
 */
export async function rotateKeys(pool: Pool, secretBox: SecretBox): Promise<number> {
  const encryptAgain = (sealed: Buffer, id: string): Buffer =>
    secretBox.seal(secretBox.open(sealed, id), id);
  let count = 0;
  let after: string | undefined = '';
  while (after !== undefined) {
    const page: {
      readonly id: string;
      readonly secret: Buffer;
      readonly previous: Buffer | null;
    }[] = await withTransaction(pool, async (client) => {
      const rows = await listSecrets(client, { limit: AT_A_TIME, after: after ?? '' });
      for (const { id, secret, previous } of rows) {
        await replaceSecrets(client, id, {
          secret: encryptAgain(secret, id),
          previous: previous === null ? null : encryptAgain(previous, id),
        });
      }
      return rows;
    });
    count += page.length;
    after = page.at(-1)?.id;
  }
  return count;
}
