import { beforeEach, expect, test } from 'vitest';
import { checkDeliveries } from '../../src/doctor/check-deliveries.ts';
import { useDeliveryFixture } from '../delivery/delivery-fixture.ts';

const fixture = useDeliveryFixture();
const check = () => checkDeliveries(fixture.pool);
const NONE = { status: 'ok', detail: 'no endpoint waits for a sender' };
const LATE = {
  status: 'warning',
  detail: expect.stringMatching(/^1 endpoint without a sender, .* waited for 3\d\d s: /) as string,
};

let client: string;

async function change(assignments: string) {
  await fixture.pool.query(`UPDATE endpoint_states SET ${assignments}`);
}

/** As if the messages were stored five minutes ago. */
async function age() {
  await fixture.pool.query(
    `SELECT ensure_month_partitions('messages', now() - interval '1 day', now())`,
  );
  await fixture.pool.query(`UPDATE messages SET stored_at = stored_at - interval '5 minutes'`);
}

beforeEach(async () => {
  await fixture.pool.query('TRUNCATE endpoints, messages, message_numbers CASCADE');
  client = await fixture.makeClient();
  await fixture.makeEndpoint(client, await fixture.startReceiver());
});

test('messages that no sender has looked at are a warning after a minute', async () => {
  expect(await check()).toMatchObject(NONE);
  await fixture.store(client, [{ size: 1 }]);
  expect(await check()).toMatchObject({
    status: 'ok',
    detail: expect.stringMatching(/^1 endpoint/) as string,
  });
  await age();
  await fixture.store(client, [{ size: 2 }]);
  expect(await check()).toMatchObject(LATE);
});

test('deliveries that have been due for a minute are a warning', async () => {
  await change(`due_at = now() + interval '5 minutes'`);
  expect(await check()).toMatchObject(NONE);
  await change(`due_at = now() - interval '5 minutes'`);
  expect(await check()).toMatchObject(LATE);
});

test('an endpoint that a sender holds, or that is set aside or disabled, does not wait', async () => {
  await fixture.store(client, [{ size: 1 }]);
  await age();
  await change(`held_until = now() + interval '30 seconds'`);
  expect(await check()).toMatchObject(NONE);
  await change(`held_until = now() - interval '1 second'`);
  expect(await check()).toMatchObject(LATE);
  await change('failures_in_row = 10');
  expect(await check()).toMatchObject(NONE);
  await change('failures_in_row = 9');
  expect(await check()).toMatchObject(LATE);
  await fixture.pool.query(`UPDATE endpoints SET status = 'disabled'`);
  expect(await check()).toMatchObject(NONE);
});

test('a sender takes what has waited', async () => {
  await fixture.store(client, [{ size: 1 }]);
  await age();
  expect(await check()).toMatchObject(LATE);
  fixture.startSender();
  await expect.poll(check).toMatchObject(NONE);
});
