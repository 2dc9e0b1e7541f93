import { Redis } from 'ioredis';
import type { Client } from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { makeTraffic, openFlow, toMessage, type Flow } from '../flows/flow-fixture.ts';
import { isolatedServices } from '../support/isolated.ts';
import { startPrivateRedis } from '../support/private-redis.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { withClient, withPath } from '../support/servers.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

interface Finding {
  readonly name: string;
  readonly status: string;
  readonly detail: string;
}

async function examine(flow: Flow) {
  const { exitCode, stdout } = await flow.call(['doctor', '--json']);
  const { findings } = JSON.parse(stdout) as { findings: readonly Finding[] };
  return { exitCode, dangers: findings.filter(({ status }) => status === 'danger') };
}

/** An empty Redis for one test alone, with a client. */
async function openRedis(settings: Readonly<Record<string, string>> = {}) {
  const server = await startPrivateRedis(settings);
  const client = new Redis(server.url);
  onTestFinished(async () => {
    client.disconnect();
    await server.close();
  });
  const functions = async () => (await client.call('FUNCTION', 'LIST')) as unknown[];
  return { url: server.url, client, functions };
}

test('after Redis has lost its data, no report is green, and nothing is written to it', async () => {
  const redis = await openRedis();
  const services = await isolatedServices();
  onTestFinished(() => services.close());
  const flow = await openFlow({}, { ...services, redisUrl: redis.url });
  const worker = await flow.start('worker');
  await flow.producer.publish(makeTraffic(100, 'lost').map(toMessage));
  await flow.settled({ counted: 90 });
  worker.signal('SIGTERM');
  await worker.ended;

  await redis.client.flushall();
  await redis.client.call('FUNCTION', 'FLUSH');
  const { exitCode, dangers } = await examine(flow);
  expect(exitCode).toBe(1);
  expect(dangers).toMatchObject([
    { name: 'epoch', detail: expect.stringContaining('has lost its data') as string },
  ]);
  const status = await flow.call(['status']);
  expect(status).toMatchObject({ exitCode: 1 });
  expect(status.stdout).toMatch(/^in Redis +unknown$/m);
  expect(status.stdout).toMatch(/^PROBLEM +Redis has lost its data/m);
  for (const command of ['verify', 'usage', 'flush', 'worker', 'start']) {
    const refused = await flow.run([command]);
    expect({ command, exitCode: refused.exitCode }).toEqual({ command, exitCode: 1 });
    expect(refused.stderr).toContain('Redis has lost its data');
  }
  expect(await redis.functions()).toEqual([]);
  expect(await redis.client.dbsize()).toBe(0);
});

test('sums of a version without a journal are refused before anything is loaded or migrated', async () => {
  const redis = await openRedis();
  const services = await isolatedServices();
  onTestFinished(() => services.close());
  const flow = await openFlow({}, { ...services, redisUrl: redis.url });
  await redis.client.call('FUNCTION', 'FLUSH');
  await redis.client.hset('{0}:live', { batch: 'old', pulses: '1' });
  for (const command of ['verify', 'usage', 'flush', 'worker', 'api', 'start']) {
    const refused = await flow.run([command]);
    expect({ command, exitCode: refused.exitCode }).toEqual({ command, exitCode: 1 });
    expect(refused.stderr).toContain('has sums of a version without a journal');
  }
  expect(await redis.functions()).toEqual([]);
});

test('no report is green with the SHARDS or the WINDOW_MINUTES of another installation', async () => {
  const flow = await openFlow();
  await flow.flush();
  for (const name of ['SHARDS', 'WINDOW_MINUTES']) {
    for (const command of ['verify', 'usage']) {
      const refused = await flow.run([command], { [name]: '30' });
      expect({ command, exitCode: refused.exitCode }).toEqual({ command, exitCode: 1 });
      expect(refused.stderr).toContain(`pulse: ${name} is 30, but this installation`);
    }
  }
  const status = await flow.call(['status'], { SHARDS: '30' });
  expect(status).toMatchObject({ exitCode: 1 });
  expect(status.stdout).toMatch(/^PROBLEM +SHARDS is 30, but this installation uses 1;/m);
});

test('a start that refuses Redis changes neither Redis nor Postgres nor RabbitMQ', async () => {
  const redis = await openRedis({ appendfsync: 'everysec' });
  const services = await isolatedServices();
  onTestFinished(() => services.close());
  const name = `${new URL(services.databaseUrl).pathname.slice(1)}_new`;
  await withClient(services.databaseUrl, (client) => client.query(`CREATE DATABASE ${name}`));
  onTestFinished(() =>
    withClient(services.databaseUrl, (client) => client.query(`DROP DATABASE ${name}`)).then(),
  );
  const databaseUrl = withPath(services.databaseUrl, name);
  const flow = await openFlow({}, { ...services, redisUrl: redis.url, databaseUrl });
  for (const command of ['worker', 'start']) {
    const refused = await flow.run([command]);
    expect({ command, exitCode: refused.exitCode }).toEqual({ command, exitCode: 1 });
    expect(refused.stderr).toContain('appendfsync');
  }
  expect(await redis.functions()).toEqual([]);
  expect(await tablesIn(databaseUrl)).toEqual([]);
  const { dangers } = await examine(flow);
  expect(dangers.map(({ name }) => name)).toContain('redis fsync');
  expect((await flow.call(['doctor'])).stdout).toContain(`"${flow.queue}" does not exist yet`);
});

test('pulses that nothing counts make doctor and status exit 1, unless ingest is paused', async () => {
  const flow = await openFlow();
  await flow.flush();
  expect(await examine(flow)).toMatchObject({ exitCode: 0 });
  await flow.producer.publish(makeTraffic(5, 'waiting').map(toMessage));
  expect(await examine(flow)).toMatchObject({
    exitCode: 1,
    dangers: [
      { name: 'rabbitmq queue', detail: expect.stringMatching(/nothing counts/) as string },
    ],
  });
  const status = await flow.call(['status']);
  expect(status).toMatchObject({ exitCode: 1 });
  expect(status.stdout).toMatch(/^ingest +NOT RUNNING/m);
  expect(status.stdout).toMatch(/^PROBLEM +nothing counts the 5 pulses/m);

  await flow.call(['pause']);
  expect(await examine(flow)).toEqual({ exitCode: 0, dangers: [] });
  expect(await flow.call(['status'])).toMatchObject({ exitCode: 0 });
});

async function tablesIn(url: string): Promise<string[]> {
  return withClient(url, async (client: Client) => {
    const { rows } = await client.query<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    );
    return rows.map(({ name }) => name);
  });
}

test('commands that write refuse a database that switches its triggers off', async () => {
  const flow = await openFlow();
  expect((await flow.call(['migrate'])).exitCode).toBe(0);
  const database = new URL(flow.env.DATABASE_URL!).pathname.slice(1);
  await withClient(flow.env.DATABASE_URL!, (client) =>
    client.query(`ALTER DATABASE "${database}" SET session_replication_role = 'replica'`),
  );
  const commands = [
    ['keys', 'create', '--name', 'x', '--role', 'viewer', '--tenant', 'acme'],
    ['dead-letters', 'discard', '--reason', 'unknown', '--note', 'x', '--yes'],
    ['pause', '--note', 'x'],
  ];
  for (const command of commands) {
    const { exitCode, stderr } = await flow.call(command);
    expect({ command, exitCode }).toEqual({ command, exitCode: 1 });
    expect(stderr).toContain('session_replication_role is "replica"');
  }
});
