import { connect } from 'amqplib';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  startPrivateServers,
  type PrivateServers,
} from '../../src/private-servers/private-servers.ts';
import { eventually } from '../support/eventually.ts';

describe('two instances side by side', () => {
  // With a space and an accent, which can break each server in a different way.
  const parent = mkdtempSync(join(tmpdir(), 'pulse-test é '));
  const directories = [join(parent, 'one'), join(parent, 'two')];
  let instances: PrivateServers[];

  beforeAll(async () => {
    instances = await Promise.all(
      directories.map((directory) => startPrivateServers({ directory, keepFiles: false })),
    );
  });
  afterAll(async () => {
    await Promise.all(instances.map((instance) => instance.stop()));
    expect(directories.filter((directory) => existsSync(directory))).toEqual([]);
    rmSync(parent, { recursive: true });
  });

  test('have separate ports and passwords', () => {
    const [one, two] = instances.map(({ env }) => [
      env.RABBITMQ_URL,
      env.REDIS_URL,
      env.DATABASE_URL,
    ]);
    for (const [index, text] of one!.entries()) {
      const [url, other] = [new URL(text), new URL(two![index]!)];
      expect(url.hostname).toBe('127.0.0.1');
      expect(url.port).not.toBe(other.port);
      expect(url.password).not.toBe(other.password);
    }
  });

  test('Redis has the settings that keep acknowledged writes', async () => {
    await withRedis(instances[0]!, async (redis) => {
      const settings: Record<string, string> = {};
      for (const name of ['appendonly', 'appendfsync', 'maxmemory-policy', 'databases']) {
        const [, value = ''] = await redis.config('GET', name);
        settings[name] = value;
      }
      expect(settings).toEqual({
        appendonly: 'yes',
        appendfsync: 'always',
        'maxmemory-policy': 'noeviction',
        databases: '1000',
      });
    });
  });

  test('Postgres syncs, speaks UTF-8 and listens on loopback only', async () => {
    await withPostgres(instances[0]!, async (client) => {
      const { rows } = await client.query(
        `SELECT current_setting('fsync') AS fsync, current_setting('server_encoding') AS encoding,
                current_setting('listen_addresses') AS addresses`,
      );
      expect(rows).toEqual([{ fsync: 'on', encoding: 'UTF8', addresses: '127.0.0.1' }]);
    });
  });

  test('Redis keeps acknowledged writes when it is killed, and the other instance is not affected', async () => {
    const [one, two] = instances as [PrivateServers, PrivateServers];
    await withRedis(two, (redis) => redis.set('whose', 'two'));
    await withRedis(one, (redis) => redis.set('whose', 'one'));
    await one.kill('redis');
    await expect(withRedis(one, (redis) => redis.ping())).rejects.toThrow();
    expect(await withRedis(two, (redis) => redis.get('whose'))).toBe('two');
    await one.start('redis');
    expect(await withRedis(one, (redis) => redis.get('whose'))).toBe('one');
  });

  test('Postgres keeps committed rows when it is killed', async () => {
    const [one] = instances as [PrivateServers];
    await withPostgres(one, (client) => client.query('CREATE TABLE kept AS SELECT 42 AS answer'));
    await one.kill('postgres');
    await one.start('postgres');
    await withPostgres(one, async (client) => {
      expect((await client.query('SELECT answer FROM kept')).rows).toEqual([{ answer: 42 }]);
    });
  });

  test('RabbitMQ keeps confirmed messages when it is killed', async () => {
    const [one] = instances as [PrivateServers];
    const queue = 'kept-over-a-kill';
    const first = await connect(one.env.RABBITMQ_URL);
    first.on('error', () => undefined);
    const channel = await first.createConfirmChannel();
    channel.on('error', () => undefined);
    await channel.assertQueue(queue, { arguments: { 'x-queue-type': 'quorum' } });
    channel.sendToQueue(queue, Buffer.from('a pulse'), { persistent: true });
    await channel.waitForConfirms();
    // See quorum-names.ts.
    const node = 'mnesia/pulse@localhost/quorum/pulse@localhost/names.dets';
    const names = join(directories[0]!, 'rabbitmq', node);
    await eventually(() => readFileSync(names).includes(queue)).toBe(true);
    await one.kill('rabbitmq');
    await one.start('rabbitmq');
    const second = await connect(one.env.RABBITMQ_URL);
    const reader = await second.createChannel();
    // A quorum queue elects its leader shortly after the broker starts to listen.
    await expect
      .poll(async () => {
        const got = await reader.get(queue, { noAck: true });
        return got === false ? null : got.content.toString();
      })
      .toBe('a pulse');
    await second.close();
  });

  test('a suspended process continues after SIGCONT', async () => {
    const [one] = instances as [PrivateServers];
    await one.kill('redis', 'SIGSTOP');
    await expect(withRedis(one, (redis) => redis.ping())).rejects.toThrow(/timed out/i);
    await one.kill('redis', 'SIGCONT');
    expect(await withRedis(one, (redis) => redis.ping())).toBe('PONG');
  });
});

test('temporary servers refuse a directory that is not empty', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'pulse-test-'));
  writeFileSync(join(directory, 'precious'), '');
  await expect(startPrivateServers({ directory, keepFiles: false })).rejects.toThrow(/not empty/);
  expect(existsSync(join(directory, 'precious'))).toBe(true);
  rmSync(directory, { recursive: true });
});

test('a path that would make RabbitMQ hang is refused at once', async () => {
  const directory = join(tmpdir(), `pulse-test it's`);
  await expect(startPrivateServers({ directory, keepFiles: false })).rejects.toThrow(
    /cannot handle/,
  );
  expect(existsSync(directory)).toBe(false);
});

async function withRedis<T>(
  { env }: PrivateServers,
  work: (redis: Redis) => Promise<T>,
): Promise<T> {
  const redis = new Redis(env.REDIS_URL, {
    maxRetriesPerRequest: 0,
    commandTimeout: 1_000,
    connectTimeout: 1_000,
    retryStrategy: () => null,
  });
  redis.on('error', () => undefined);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

async function withPostgres<T>(
  { env }: PrivateServers,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ connectionString: env.DATABASE_URL });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
