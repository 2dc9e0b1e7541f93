import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { fromOutboxJob, type OutboxJob } from '../../src/messaging/outbox.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { purchaseSubscription } from '../../src/subscriptions/change-subscription.ts';
import type { toChangeJson, toSubscriptionJson } from '../../src/subscriptions/subscriptions.ts';
import { isolatedPool, type IsolatedServices } from '../support/isolated.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { runInProcess, runInProcessForJson } from '../support/run-in-process.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

type Shown = ReturnType<typeof toSubscriptionJson> & {
  readonly changes: readonly ReturnType<typeof toChangeJson>[];
};

let services: IsolatedServices;
let pool: Pool;

beforeAll(async () => {
  const isolated = await isolatedPool();
  services = isolated;
  ({ pool } = isolated);
});
afterAll(() => services.close());

const env = () => ({
  RABBITMQ_URL: services.rabbitmqUrl,
  REDIS_URL: services.redisUrl,
  DATABASE_URL: services.databaseUrl,
  PULSE_QUEUE: services.queue,
  LOG_LEVEL: 'silent',
});
const pulse = (...args: string[]) => runInProcess(['subscriptions', ...args], env());
const json = <T>(...args: string[]) =>
  runInProcessForJson<T>(['subscriptions', ...args, '--json'], env());

/** Nothing announces it, so what is in the outbox comes from the commands. */
async function purchase(userId: string, sku?: string): Promise<string> {
  const id = randomUUID();
  await withTransaction(pool, (client) =>
    purchaseSubscription(
      { client, prefix: '', publish: () => Promise.resolve() },
      { id, userId, sku },
      { cause: 'rpc', changedBy: 'rpc' },
    ),
  );
  return id;
}

/** Routing keys and bodies of the messages in the outbox that announce changes of a subscription. */
async function announced(id: string) {
  const { rows } = await pool.query<{ payload: OutboxJob }>(
    'SELECT payload FROM graphile_worker._private_jobs ORDER BY id',
  );
  return rows
    .map(({ payload }) => fromOutboxJob(payload))
    .map(({ exchange, routingKey, body }) => ({
      ...{ exchange, routingKey },
      body: JSON.parse(body.toString()) as { id: string; number: number },
    }))
    .filter(({ body }) => body.id === id);
}

test('cancels and restarts at once, announces it, and records who did it', async () => {
  const id = await purchase('acme-user', 'cpu');
  const canceled = await pulse('cancel', id, '--as', 'bob');
  expect(canceled).toMatchObject({ exitCode: 0, stdout: `${id} is canceled\n` });
  expect(await json('restart', id, '--as', 'carol')).toMatchObject({ id, status: 'active' });
  const exchange = `${services.queue}.SUBSCRIPTIONS`;
  expect(await announced(id)).toMatchObject([
    { exchange, routingKey: 'subscription.canceled', body: { number: 2, user_id: 'acme-user' } },
    { exchange, routingKey: 'subscription.restarted', body: { number: 3, sku: 'cpu' } },
  ]);
  const { changes } = await json<Shown>('show', id);
  expect(changes).toMatchObject([
    { number: 3, kind: 'restarted', state: 'in_effect', cause: 'command', changed_by: 'carol' },
    { number: 2, kind: 'canceled', state: 'in_effect', cause: 'command', changed_by: 'bob' },
    { number: 1, kind: 'purchased', state: 'in_effect', cause: 'rpc', changed_by: 'rpc' },
  ]);
});

test('a change of a later instant is pending, is withdrawn, and is never announced', async () => {
  const id = await purchase('7');
  const at = '2030-01-01T00:00:00.000Z';
  expect((await pulse('cancel', id, '--at', at, '--as', 'bob')).stdout).toBe(
    `${id} is active\nchange 2: canceled at ${at}\n`,
  );
  expect(await pulse('cancel', id)).toMatchObject({
    exitCode: 1,
    stderr: `pulse: Change 2 (canceled) takes effect at ${at}: withdraw it first, or ask for a change after it.\n`,
  });
  expect((await pulse('withdraw', id, '2', '--as', 'carol')).stdout).toBe(`${id} is active\n`);
  expect(await pulse('withdraw', id, '2')).toMatchObject({
    exitCode: 1,
    stderr: 'pulse: Change 2 is not pending.\n',
  });
  const { stdout } = await pulse('show', id);
  expect(stdout).toMatch(/^id +\S+\nstatus +active\nuser +7\n/);
  expect(stdout).toContain('sku           - (every product)\n');
  expect(stdout).toMatch(/^ +2 {2}canceled +withdrawn +2030-01-01T00:00:00\.000Z {2}bob \(comm/m);
  expect(stdout).toMatch(/^Change 2 was withdrawn by carol at \S+Z\.$/m);
  expect(await announced(id)).toEqual([]);
});

test('lists the subscriptions of a user, a tenant, a product and a status, in pages', async () => {
  await pool.query(`INSERT INTO customers (id, name, tenant) VALUES ('listed', 'Acme', 'acme')`);
  const [first, second] = [await purchase('listed', 'disk'), await purchase('listed', 'ram')];
  await purchase('other', 'disk');
  await pulse('cancel', second);
  const ids = async (...filters: string[]) => {
    const { data } = await json<{ data: { id: string }[] }>('list', ...filters);
    return data.map(({ id }) => id);
  };
  expect(await ids('--user', 'listed')).toEqual([second, first]);
  expect(await ids('--tenant', 'acme')).toEqual([second, first]);
  expect(await ids('--tenant', 'acme', '--sku', 'disk')).toEqual([first]);
  expect(await ids('--user', 'listed', '--status', 'canceled')).toEqual([second]);
  const page = await json<{ next: string }>('list', '--user', 'listed', '--limit', '1');
  expect(await ids('--user', 'listed', '--after', page.next)).toEqual([first]);
  expect((await pulse('list', '--user', 'listed')).stdout).toBe(
    [
      `ID                                    STATUS    USER    SKU   NEXT`,
      `${second}  canceled  listed  ram   -`,
      `${first}  active    listed  disk  -`,
      '',
    ].join('\n'),
  );
  expect((await pulse('list', '--user', 'nobody')).stdout).toBe('No subscriptions.\n');
});

test('refuses wrong usage, and subscriptions that do not exist', async () => {
  const id = randomUUID();
  expect(await pulse('cancel', 'x')).toMatchObject({
    exitCode: 2,
    stderr: 'pulse: "x" is not an id; `pulse subscriptions list` shows them.\n',
  });
  expect((await pulse('withdraw', id)).exitCode).toBe(2);
  expect((await pulse('withdraw', id, '0')).exitCode).toBe(2);
  expect((await pulse('cancel', id, '--at', 'tomorrow')).exitCode).toBe(2);
  expect((await pulse('list', '--after', 'x')).exitCode).toBe(2);
  for (const args of [
    ['show', id],
    ['cancel', id],
    ['restart', id],
    ['withdraw', id, '1'],
  ]) {
    expect(await pulse(...args)).toMatchObject({
      exitCode: 1,
      stderr: `pulse: There is no subscription ${id}.\n`,
    });
  }
});
