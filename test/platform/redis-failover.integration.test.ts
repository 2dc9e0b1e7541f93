import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  createRedis,
  pingRedis,
  waitForRedis,
  type RedisClient,
} from '../../src/platform/redis.ts';
import { eventually } from '../support/eventually.ts';
import { startPrivateRedis, type PrivateRedis } from '../support/private-redis.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const logger = pino({ level: 'silent' });
let first: PrivateRedis;
let second: PrivateRedis;
/** The address that follows the primary. It never closes a connection. */
let address: TcpProxy;
let client: RedisClient;

beforeAll(async () => {
  [first, second] = await Promise.all([startPrivateRedis(), startPrivateRedis()]);
});
afterAll(() => Promise.all([first.close(), second.close()]));

beforeEach(async () => {
  await makePrimary(first, second);
  address = await startTcpProxy(first.url);
  client = createRedis(address.url, { name: 'failover test', logger, commandTimeoutMs: 1_000 });
  await waitForRedis(client, { url: address.url, timeoutMs: 10_000, logger });
});
afterEach(async () => {
  client.disconnect();
  await address.close();
});

async function makePrimary(primary: PrivateRedis, replica: PrivateRedis): Promise<void> {
  const { hostname, port } = new URL(primary.url);
  await withRedis(primary, (redis) => redis.replicaof('NO', 'ONE'));
  await withRedis(replica, async (redis) => {
    await redis.replicaof(hostname, Number(port));
    await eventually(async () => (await redis.role())[3]).toBe('connected');
  });
}

async function withRedis<T>(server: PrivateRedis, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(server.url);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

const portOfServer = async () =>
  /^tcp_port:(\d+)/m.exec(await client.info('server').catch(() => ''))?.[1];

test('a writer disconnects from a demoted Redis, and writes to the new primary', async () => {
  await makePrimary(second, first);
  address.follow(second.url);
  await expect(client.set('sum', 1)).rejects.toThrow('READONLY');
  await eventually(() => client.set('sum', 2).catch(() => 'not yet')).toBe('OK');
  expect(await withRedis(second, (redis) => redis.get('sum'))).toBe('2');
});

test('a reader disconnects too, when it checks the health of the server', async () => {
  await makePrimary(second, first);
  // It answers LOADING while it copies the data of the new primary.
  await eventually(() => pingRedis(client).catch((error: unknown) => error)).toMatchObject({
    code: 'PULSE_REDIS_REPLICA',
    retryable: true,
  });
  address.follow(second.url);
  await eventually(() => pingRedis(client).then(portOfServer, String)).toBe(
    new URL(second.url).port,
  );
});

test('clients also disconnect from a replica without its primary, which refuses reads', async () => {
  await makePrimary(second, first);
  await withRedis(first, (redis) => redis.config('SET', 'replica-serve-stale-data', 'no'));
  await second.kill();
  await eventually(() => client.get('sum').catch(String)).toContain('MASTERDOWN');
  // With a primary again, it would serve reads, and the client would have no reason to leave.
  await withRedis(first, (redis) => redis.replicaof('127.0.0.1', 1));
  await second.start();
  address.follow(second.url);
  await eventually(() => client.get('sum').then(portOfServer, String)).toBe(
    new URL(second.url).port,
  );
  await withRedis(first, (redis) => redis.config('SET', 'replica-serve-stale-data', 'yes'));
});

test('clients disconnect from a silent server, although nothing closes the connection', async () => {
  address.stallOpen();
  address.follow(second.url);
  await expect(client.get('sum')).rejects.toThrow('timed out');
  await eventually(portOfServer).toBe(new URL(second.url).port);
});

test('waiting for a server that is a replica ends with a clear error', async () => {
  const { url } = second;
  const replica = createRedis(url, { name: 'failover test', logger });
  await expect(waitForRedis(replica, { url, timeoutMs: 500, logger })).rejects.toMatchObject({
    code: 'PULSE_REDIS_UNREACHABLE',
    message: expect.stringMatching(/REDIS_URL: .* is a replica/) as string,
  });
  replica.disconnect();
});
