/** What messages of the largest size take of a process: how much of them is read, parsed and sent at a time. */
import { randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { fanOut } from '../../src/delivery/fan-out.ts';
import { recoverEndpoint } from '../../src/delivery/recover-endpoint.ts';
import { startSender } from '../../src/delivery/sender.ts';
import { sleep } from '../../src/platform/backoff.ts';
import { useDeliveryFixture } from './delivery-fixture.ts';

const fixture = useDeliveryFixture();
const WAIT = { timeout: 20_000, interval: 50 };
const MESSAGES = 12;
/** 250 KiB in UTF-8, and a third as many characters. */
const LARGE = { color: 'red', text: '€'.repeat((250 * 1024) / 3) };
const PAGE_BYTES_MAX = 1.25 * 1024 * 1024;
const FILTER = { color: 'red' };

async function makeEndpoint() {
  const client = await fixture.makeClient();
  const receiver = await fixture.startReceiver();
  const { id } = await fixture.makeEndpoint(client, receiver, { filter: FILTER });
  await fixture.store(client, Array<object>(MESSAGES).fill(LARGE));
  return { id, client, types: null, filter: FILTER };
}

/** A pool that keeps how many bytes of data each statement has read. */
function measured(pool: Pool) {
  const read: number[] = [];
  const measure = (client: PoolClient): PoolClient =>
    new Proxy(client, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name !== 'query') return value.bind(target) as unknown;
        return async (...given: unknown[]) => {
          const result = (await value.apply(target, given)) as { rows: { data?: string | null }[] };
          const bytes = result.rows.map(({ data }) => Buffer.byteLength(data ?? ''));
          read.push(bytes.reduce((sum, one) => sum + one, 0));
          return result;
        };
      },
    });
  return {
    read,
    pool: {
      query: pool.query.bind(pool),
      connect: async () => measure(await pool.connect()),
    } as unknown as Pick<Pool, 'connect' | 'query'>,
  };
}

test('a filter reads them some at a time, and misses none', async () => {
  const endpoint = await makeEndpoint();
  const lease = randomUUID();
  await fixture.pool.query('UPDATE endpoint_states SET held_by = $2 WHERE endpoint_id = $1', [
    endpoint.id,
    lease,
  ]);
  const { pool, read } = measured(fixture.pool);
  const deps = { pool, onStep: () => undefined };
  let pages = 1;
  while (await fanOut(deps, endpoint, { endpointId: endpoint.id, lease })) pages += 1;
  expect(Math.max(...read)).toBeLessThanOrEqual(PAGE_BYTES_MAX);
  expect(pages).toBe(3);
  expect(await fixture.deliveries(endpoint.id)).toHaveLength(MESSAGES);
});

test('a recovery reads them some at a time, and counts them all', async () => {
  const endpoint = await makeEndpoint();
  await fixture.pool.query('UPDATE endpoint_states SET seen_number = $2 WHERE endpoint_id = $1', [
    endpoint.id,
    MESSAGES,
  ]);
  const { pool, read } = measured(fixture.pool);
  const since = new Date('2026-01-01T00:00:00Z');
  const asked = { since, dryRun: true };
  const whole = { failedCount: 0, missedCount: MESSAGES, next: null };
  expect(await recoverEndpoint(pool, endpoint, asked)).toEqual(whole);
  expect(Math.max(...read)).toBeLessThanOrEqual(PAGE_BYTES_MAX);
  expect(Math.max(...read)).toBeGreaterThan(0);
  read.length = 0;
  // What no filter looks at is not read at all.
  expect(await recoverEndpoint(pool, { ...endpoint, filter: null }, asked)).toEqual(whole);
  expect(Math.max(...read)).toBe(0);
});

test('an endpoint has few of them in progress at a time, and gets them all', async () => {
  const client = await fixture.makeClient();
  const receiver = await fixture.startReceiver();
  const { id } = await fixture.makeEndpoint(client, receiver);
  await fixture.store(client, Array<object>(MESSAGES).fill(LARGE));
  let bytes = 0;
  let bytesMax = 0;
  const sender = startSender({
    ...{ pool: fixture.pool, secretBox: fixture.secretBox, prefix: '' },
    logger: pino({ level: 'silent' }),
    sender: {
      async send({ url, body }) {
        const added = url === receiver.url ? body.length : 0;
        bytes += added;
        bytesMax = Math.max(bytesMax, bytes);
        await sleep(50);
        bytes -= added;
        return { outcome: 'delivered', statusCode: 204, durationMs: 50 };
      },
    },
    onAttempt: () => undefined,
    onStep: () => undefined,
  });
  try {
    const delivered = async () =>
      (await fixture.deliveries(id)).filter(({ status }) => status === 'delivered').length;
    await expect.poll(delivered, WAIT).toBe(MESSAGES);
    expect(bytesMax).toBeLessThanOrEqual(5 * (Buffer.byteLength(JSON.stringify(LARGE)) + 1_000));
  } finally {
    await sender.close(5_000);
  }
});
