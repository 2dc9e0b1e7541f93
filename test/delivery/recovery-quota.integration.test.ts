/** What a recovery of an endpoint takes of what its tenant may have stored in an hour. */
import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { useDeliveryApi } from './delivery-api.ts';

const api = useDeliveryApi();
afterEach(() => api.stop());

const PAST = '2026-01-01T00:00:00Z';

test('each delivery that a recovery makes due counts as stored, and none of a dry run', async () => {
  const receiver = await api.startReceiver();
  const id = `endpoint-${randomUUID()}`;
  const path = `/endpoints/${id}`;
  const client = await api.makeClient();
  expect((await api.ask('PUT', path, { url: receiver.url, client })).status).toBe(201);
  await api.store(client, [{ n: 1 }, { n: 2 }, { n: 3 }]);
  await api.pool.query(`UPDATE endpoint_states SET seen_number = 3 WHERE endpoint_id = $1`, [id]);
  // For five requests with their bodies, and not for four and three deliveries.
  const via = await api.openApp({}, { storedBytesPerHour: 6 * 4 * 1024 });
  const recover = async (more: object) => {
    const asked = { since: PAST, ...more };
    return (await api.ask('POST', `${path}/recover`, asked, { as: client, via })).status;
  };
  for (let count = 0; count < 3; count++) expect(await recover({ dry_run: true })).toBe(200);
  expect(await recover({})).toBe(200);
  expect(await recover({ dry_run: true })).toBe(429);
});
