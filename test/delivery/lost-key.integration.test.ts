import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { rotateSecretOf } from '../../src/delivery/change-endpoint.ts';
import { rotateKeys } from '../../src/delivery/rotate-keys.ts';
import { createSecretBox } from '../../src/delivery/secret-box.ts';
import { newSecret } from '../../src/delivery/signature.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { useDeliveryFixture } from './delivery-fixture.ts';

const fixture = useDeliveryFixture();

test('after its key is lost, an endpoint with a new secret is served, and keys can be rotated', async () => {
  const { pool } = fixture;
  const receiver = await fixture.startReceiver();
  const { id } = await fixture.makeEndpoint(await fixture.makeClient(), receiver);
  // Only its own key opens the secret.
  const secretBox = createSecretBox([{ id: 'new', key: randomBytes(32) }]);
  await expect(rotateKeys(pool, secretBox)).rejects.toThrow('sealed with the key "test"');
  const secret = newSecret();
  await withTransaction(pool, (client) =>
    rotateSecretOf(client, id, { secretBox, overlapHours: 24, secret }),
  );
  const { rows } = await pool.query<{ secret: Buffer; previous: Buffer | null }>(
    'SELECT secret, previous_secret AS previous FROM endpoints WHERE id = $1',
    [id],
  );
  expect(rows[0]?.previous).toBeNull();
  expect(secretBox.open(rows[0]!.secret, id)).toBe(secret);
  expect(await rotateKeys(pool, secretBox)).toBe(1);
});

test('a secret whose overlap has ended needs no key any more', async () => {
  const { pool, secretBox } = fixture;
  const receiver = await fixture.startReceiver();
  const { id } = await fixture.makeEndpoint(await fixture.makeClient(), receiver);
  await pool.query(
    `UPDATE endpoints SET previous_secret = 'nobody can open it', previous_secret_until = now() - interval '1 hour'
     WHERE id = $1`,
    [id],
  );
  await pool.query('DELETE FROM endpoint_states WHERE endpoint_id <> $1', [id]);
  await pool.query('DELETE FROM endpoints WHERE id <> $1', [id]);
  expect(await rotateKeys(pool, secretBox)).toBe(1);
});
