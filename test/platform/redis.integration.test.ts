import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createRedis, waitForRedis, type RedisClient } from '../../src/platform/redis.ts';
import { freePort } from '../../src/private-servers/free-port.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { startPrivateRedis, type PrivateRedis } from '../support/private-redis.ts';

const logger = pino({ level: 'silent' });
let server: PrivateRedis;
const clients: RedisClient[] = [];

beforeAll(async () => {
  server = await startPrivateRedis();
});
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});
afterAll(() => server.close());

function create(url: string, commandTimeoutMs = 15_000): RedisClient {
  const client = createRedis(url, { name: 'redis test', logger, commandTimeoutMs });
  clients.push(client);
  return client;
}

async function connected(url = server.url, commandTimeoutMs?: number): Promise<RedisClient> {
  const client = create(url, commandTimeoutMs);
  await waitForRedis(client, { url, timeoutMs: 10_000, logger });
  return client;
}

test('a database that Redis does not have is refused, not replaced by database 0', async () => {
  const url = `${server.url}/99`;
  const client = create(url);
  await expect(waitForRedis(client, { url, timeoutMs: 10_000, logger })).rejects.toMatchObject({
    code: 'PULSE_REDIS_UNREACHABLE',
    message: expect.stringContaining('has no database of the number') as string,
  });
  const other = await connected(`${server.url}/15`);
  await other.set('database', '15');
  expect(await (await connected()).get('database')).toBeNull();
});

describe('createRedis', () => {
  test('fails a command at once while Redis is unavailable, and works again when it is back', async () => {
    const client = await connected();
    await server.kill();
    const startedMs = performance.now();
    await expect(client.get('x')).rejects.toThrow();
    await expect(client.get('x')).rejects.toThrow();
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    await server.start();
    await waitForRedis(client, { url: server.url, timeoutMs: 10_000, logger });
    expect(await client.get('x')).toBeNull();
  });

  test('never resends a command when its answer was lost', async () => {
    const direct = await connected();
    await direct.del('count');
    const proxy = await startTcpProxy(server.url);
    const client = await connected(proxy.url);
    proxy.swallow('reply');
    const increment = client.incr('count');
    await eventually(() => direct.get('count')).toBe('1');
    proxy.reset();
    proxy.heal();
    await expect(increment).rejects.toThrow();
    await waitForRedis(client, { url: proxy.url, timeoutMs: 10_000, logger });
    expect(await client.incr('other')).toBe(1);
    expect(await direct.get('count')).toBe('1');
    await proxy.close();
  });

  test('a command without an answer times out, and is not resent either', async () => {
    const direct = await connected();
    await direct.del('count');
    const proxy = await startTcpProxy(server.url);
    const client = await connected(proxy.url, 200);
    proxy.swallow('reply');
    await expect(client.incr('count')).rejects.toThrow('timed out');
    proxy.heal();
    await waitForRedis(client, { url: proxy.url, timeoutMs: 10_000, logger });
    expect(await direct.get('count')).toBe('1');
    await proxy.close();
  });

  test('a server that never answers does not crash the process', async () => {
    const client = create(`redis://127.0.0.1:${await freePort()}`);
    await expect(client.ping()).rejects.toThrow();
    expect(client.listenerCount('error')).toBeGreaterThan(0);
  });

  test('shows its name to the server', async () => {
    const client = await connected();
    expect(await client.client('GETNAME')).toBe('redis-test');
  });
});

describe('waitForRedis', () => {
  test('waits for a server that starts late', async () => {
    await server.kill();
    const client = create(server.url);
    const waiting = waitForRedis(client, { url: server.url, timeoutMs: 20_000, logger });
    await server.start();
    await expect(waiting).resolves.toBeUndefined();
  });

  test('gives up in time, naming the variable and the server, never the password', async () => {
    const url = `redis://user:geheim@127.0.0.1:${await freePort()}`;
    const startedMs = performance.now();
    const failure: unknown = await waitForRedis(create(url), { url, timeoutMs: 300, logger }).catch(
      (error: unknown) => error,
    );
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    expect(failure).toMatchObject({ code: 'PULSE_REDIS_UNREACHABLE', retryable: false });
    const { message } = failure as Error;
    expect(message).toMatch(/^REDIS_URL: .*127\.0\.0\.1/);
    expect(message).not.toContain('geheim');
  });

  test('says that the URL may ask for TLS where there is none, or the reverse', async () => {
    const tls = server.url.replace('redis:', 'rediss:');
    await expect(
      waitForRedis(create(tls), { url: tls, timeoutMs: 300, logger }),
    ).rejects.toMatchObject({
      message:
        `REDIS_URL: Redis at ${tls} does not answer (no connection in time): ` +
        'if the port is one without TLS, the URL begins with redis.',
    });
    // As a TLS server does with what is no handshake.
    const resetting = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    resetting.listen(0, '127.0.0.1');
    await once(resetting, 'listening');
    const plain = `redis://127.0.0.1:${(resetting.address() as AddressInfo).port}`;
    await expect(
      waitForRedis(create(plain), { url: plain, timeoutMs: 300, logger }),
    ).rejects.toMatchObject({
      message:
        `REDIS_URL: Redis at ${plain} does not answer (ECONNRESET): ` +
        'if the port is one with TLS, the URL begins with rediss.',
    });
    resetting.close();
  });

  test('does not wait when the password is wrong', async () => {
    const guarded = await startPrivateRedis({ requirepass: 'right' });
    const { host } = new URL(guarded.url);
    const url = `redis://:geheim@${host}`;
    const startedMs = performance.now();
    await expect(
      waitForRedis(create(url), { url, timeoutMs: 20_000, logger }),
    ).rejects.toMatchObject({
      code: 'PULSE_REDIS_UNREACHABLE',
      message: expect.not.stringContaining('geheim') as string,
    });
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    await guarded.close();
  });

  test('stops soon after its signal aborts', async () => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    const stopping = new AbortController();
    const waiting = waitForRedis(create(url), {
      url,
      timeoutMs: 60_000,
      logger,
      signal: stopping.signal,
    });
    stopping.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'PULSE_REDIS_UNREACHABLE' });
  });

  test('a server that accepts but never answers counts as unavailable', async () => {
    const mute: Server = createServer();
    const sockets: Socket[] = [];
    mute.on('connection', (socket) => sockets.push(socket));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const url = `redis://127.0.0.1:${(mute.address() as AddressInfo).port}`;
    await expect(waitForRedis(create(url), { url, timeoutMs: 300, logger })).rejects.toMatchObject({
      code: 'PULSE_REDIS_UNREACHABLE',
    });
    for (const socket of sockets) socket.destroy();
    mute.close();
  });
});
