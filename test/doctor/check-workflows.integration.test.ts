import { beforeEach, expect, test } from 'vitest';
import { checkWorkflows, type WorkflowDeps } from '../../src/doctor/check-workflows.ts';
import { toPublication } from '../../src/messaging/message.ts';
import { writeToOutbox } from '../../src/messaging/outbox.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { consumeNext } from '../../src/workflows/consume-next.ts';
import { insertedMessage } from '../../src/workflows/workflows-queues.ts';
import { useWorkflowsFixture } from '../workflows/workflows-fixture.ts';

const fixture = useWorkflowsFixture();
let deps: WorkflowDeps;
const check = () => checkWorkflows(deps);

beforeEach(() => {
  const servers = { rabbitmqUrl: fixture.env.RABBITMQ_URL! };
  deps = { pool: fixture.pool, servers, messagePrefix: fixture.prefix };
});

const NONE = { status: 'ok', detail: 'none has waited for a minute' };
const waiting = (workflows: string, messages: string) =>
  `${workflows} waiting for more than a minute, ${messages} ready`;
const LOST = {
  name: 'workflows',
  status: 'warning',
  detail: expect.stringContaining('`pulse workflows requeue` publishes new ones') as string,
};

async function age() {
  await fixture.pool.query(`UPDATE workflows SET created_at = created_at - interval '2 minutes'`);
}

test('workflows that have waited for a minute, and whose messages are lost, are a warning', async () => {
  expect(await check()).toMatchObject(NONE);
  await fixture.insert({ a: 1 });
  await fixture.insert({ a: 2 });
  await age();
  const found = waiting('2 workflows', '2 messages');
  expect(await check()).toMatchObject({ status: 'ok', detail: found });
  await fixture.emptyQueue();
  expect(await check()).toMatchObject(LOST);
});

test('new ones are not missed, and neither are those that are consumed', async () => {
  await fixture.insert({ a: 1 });
  await fixture.emptyQueue();
  expect(await check()).toMatchObject(NONE);
  await fixture.insert({ a: 2 });
  await consumeNext(fixture.deps);
  await fixture.pool.query(`DELETE FROM workflows WHERE status = 'inserted'`);
  await age();
  expect(await check()).toMatchObject(NONE);
});

test('a message that is still in the outbox is not lost', async () => {
  const id = await fixture.insert({ a: 1 });
  await age();
  await fixture.emptyQueue();
  await withTransaction(fixture.pool, (client) => {
    const message = insertedMessage(fixture.prefix, { id, round: 1 });
    const origin = { correlationId: 'request-1', traceparent: undefined };
    const runAt = new Date(Date.now() + 3_600_000);
    return writeToOutbox(client, toPublication(message, origin, Date.now()), { runAt });
  });
  const found = waiting('1 workflow', '0 messages');
  expect(await check()).toMatchObject({ status: 'ok', detail: found });
});

test('without RabbitMQ it says nothing', async () => {
  deps = { ...deps, servers: { rabbitmqUrl: 'amqp://127.0.0.1:1' } };
  expect(await check()).toBeUndefined();
});

test('a queue that was deleted has lost them, too', async () => {
  await fixture.insert({ a: 1 });
  await age();
  await fixture.deleteQueue();
  expect(await check()).toMatchObject(LOST);
  // Whoever asks for the next one declares it again.
  const ask = async () => (await fixture.ask('GET', '/workflow/consume')).status;
  await expect.poll(ask, { timeout: 30_000 }).toBe(204);
});
