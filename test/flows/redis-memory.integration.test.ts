import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startPrivateRedis } from '../support/private-redis.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { freshServers, openFlow, type Flow } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

/** Publishes this many pulses with an amount of 1 each, and ids that no other call uses. */
function publish(flow: Flow, runId: string, count: number): Promise<void> {
  const pulse = { tenant: 'acme', product_sku: 'cpu', use_unity: 'h', used_amount: '1' };
  return flow.producer.publish(
    Array.from({ length: count }, (_, index) => ({
      body: JSON.stringify({ ...pulse, id: `${runId} ${index}` }),
    })),
  );
}

function clientOf(url: string): Redis {
  const client = new Redis(url);
  onTestFinished(() => {
    client.disconnect();
  });
  return client;
}

test('a Redis that was emptied counts nothing until somebody accepts the loss', async () => {
  const flow = await openFlow();
  const worker = await flow.start('worker');
  await publish(flow, 'flushed', 40);
  await flow.settled({ counted: 40 });
  await flow.flush();
  await publish(flow, 'lost', 7);
  await flow.settled({ counted: 47 });

  await clientOf(flow.env.REDIS_URL!).flushdb();
  await publish(flow, 'after', 5);
  const stopped = await worker.ended;
  expect(stopped.exitCode).toBe(1);
  expect(stopped.stderr).toContain('lost its data');
  const refused = await flow.run(['worker']);
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain('pulse recover');
  expect(await flow.run(['verify'])).toMatchObject({ exitCode: 1 });

  expect(await flow.run(['recover', '--note', 'emptied by a test'])).toMatchObject({ exitCode: 0 });
  await flow.start('worker');
  await flow.settled({ counted: 45 });
  await flow.flush();
  expect(await flow.verify()).toMatchObject({ counted: 45, flushed: 45, drift: 0 });
  const rows = await (await flow.openApi()).rows();
  // The 40 that were flushed and the 5 that waited in the queue; what only Redis had is gone.
  expect(rows.reduce((sum, { pulse_count }) => sum + pulse_count, 0)).toBe(45);
});

test('a Redis that answers before it has synced is refused, unless the operator accepts the risk', async () => {
  const flow = await openFlow();
  const redis = await startPrivateRedis({ appendfsync: 'everysec' });
  onTestFinished(() => redis.close());
  const env = { REDIS_URL: redis.url };
  const refused = await flow.run(['worker'], env);
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain('appendfsync');
  const worker = await flow.start('worker', { ...env, ALLOW_UNSAFE_REDIS: 'true' });
  worker.signal('SIGTERM');
  expect(await worker.ended).toMatchObject({ exitCode: 0 });
});

test('a worker ends when its Redis stops being durable, and pulses wait until it is again', async () => {
  const redis = await startPrivateRedis();
  onTestFinished(() => redis.close());
  const flow = await openFlow({}, { ...(await freshServers()), redisUrl: redis.url });
  const worker = await flow.start('worker');
  await publish(flow, 'before', 2);
  await flow.settled({ counted: 2 });
  const client = clientOf(redis.url);
  await client.config('SET', 'appendfsync', 'everysec');
  const ended = await worker.ended;
  expect(ended.exitCode).toBe(1);
  expect(ended.stderr).toContain('appendfsync');

  await publish(flow, 'waits', 3);
  await client.config('SET', 'appendfsync', 'always');
  await flow.start('worker');
  await flow.settled({ counted: 5 });
});

test('a flush frees the memory of a Redis that is full, and the next pulses are counted', async () => {
  const redis = await startPrivateRedis();
  onTestFinished(() => redis.close());
  const flow = await openFlow({}, { ...(await freshServers()), redisUrl: redis.url });
  await flow.start('worker');
  await publish(flow, 'before', 40);
  await flow.settled({ counted: 40 });
  const client = clientOf(redis.url);
  await client.config('SET', 'maxmemory', '1');
  await publish(flow, 'waits', 3);
  expect(await flow.flush()).toMatchObject({ pulseCount: 40 });
  expect(await client.keys('*sealed*')).toEqual([]);
  await client.config('SET', 'maxmemory', '0');
  await flow.settled({ counted: 43 });
  expect(await flow.verify()).toMatchObject({ counted: 43, flushed: 40, live: 3, drift: 0 });
});
