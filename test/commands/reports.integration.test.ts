import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { Client, Pool } from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { makeTraffic, openFlow, toMessage, type Flow } from '../flows/flow-fixture.ts';
import { startPrivateRedis } from '../support/private-redis.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { deleteTopology } from '../support/servers.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

interface Findings {
  readonly findings: readonly { name: string; status: string; detail: string }[];
}

/** The dangers that `pulse doctor` names, and its exit code. */
async function examine(flow: Flow, env: Readonly<Record<string, string>> = {}) {
  const { exitCode, stdout } = await flow.call(['doctor', '--json'], env);
  const { findings } = JSON.parse(stdout) as Findings;
  const dangers = findings.filter(({ status }) => status === 'danger');
  return { exitCode, dangers };
}

/** A database that was never migrated. */
async function emptyDatabase(flow: Flow): Promise<string> {
  const url = new URL(flow.env.DATABASE_URL!);
  const name = `${url.pathname.slice(1)}_empty`;
  const query = async (sql: string): Promise<void> => {
    const client = new Client({ connectionString: flow.env.DATABASE_URL! });
    await client.connect();
    await client.query(sql);
    await client.end();
  };
  await query(`CREATE DATABASE ${name}`);
  onTestFinished(() => query(`DROP DATABASE ${name} WITH (FORCE)`));
  url.pathname = `/${name}`;
  return url.href;
}

test('verify exits 1 with the difference when the books do not balance', async () => {
  const flow = await openFlow();
  await flow.start('worker');
  await flow.producer.publish(makeTraffic(100, 'cooked').map(toMessage));
  await flow.settled({ counted: 90 });
  expect(await flow.run(['verify'])).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('the books balance') as string,
  });

  const { stdout: words } = await flow.run(['verify']);
  expect(words).toMatch(/^dead letters +\d+ {2}pulses ever put into the quarantine/m);

  const redis = new Redis(flow.env.REDIS_URL!);
  onTestFinished(() => {
    redis.disconnect();
  });
  await redis.hincrby('{0}:books', 'counted', 7);
  const { exitCode, stdout } = await flow.call(['verify']);
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/^drift +7 .*MISSING/m);
  expect(stdout).toContain('shard 0: drift 7');
  expect(stdout).toMatch(/^journal drift +-7 .*MORE PULSES/m);
  const { stdout: json, exitCode: jsonExitCode } = await flow.call(['verify', '--json']);
  expect(jsonExitCode).toBe(1);
  expect(JSON.parse(json)).toMatchObject({ drift: 7, balanced: false });
});

test('migrate, populate and flush report as JSON and as sentences', async () => {
  const flow = await openFlow();
  const database = { DATABASE_URL: await emptyDatabase(flow) };
  const migrated = await flow.run(['migrate', '--json'], database);
  expect(migrated.exitCode).toBe(0);
  const { migrations } = JSON.parse(migrated.stdout) as { migrations: string[] };
  expect(migrations.length).toBeGreaterThanOrEqual(5);
  expect(migrations[0]).toBe('0001_settings');
  const again = await flow.call(['migrate', '--json'], database);
  expect(JSON.parse(again.stdout)).toEqual({ migrations: [] });
  expect((await flow.call(['migrate'], database)).stdout).toBe('The schema is up to date.\n');

  await flow.flush();
  const populated = await flow.run(['populate', '--total', '2000', '--workers', '3', '--json']);
  expect(populated.exitCode).toBe(0);
  expect(JSON.parse(populated.stdout)).toMatchObject({
    state: 'completed',
    total: 2_000,
    confirmed: 2_000,
    confirmed_messages: 2_000,
    error: null,
  });
  expect(await flow.producer.depth()).toBe(2_000);
  const inArrays = ['populate', '--total', '250', '--pulses-per-message', '100'];
  expect((await flow.call(inArrays)).stdout).toMatch(
    /^completed: 250 of 250 pulses confirmed, in 3 messages, \d+\/s$/m,
  );
  expect(await flow.producer.depth()).toBe(2_003);
  const flushed = await flow.run(['flush']);
  expect(flushed.stdout).toMatch(/^flushed 0 rows of 0 pulses in 0 batches, \d+\.\d\d s\n$/);
  expect((await flow.call(['status'])).stdout).toMatch(
    /^queue +2,003 messages ready, 0 threads consume it$/m,
  );
});

/** Every name in a JSON value, at every depth. */
function namesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = Array.isArray(value) ? [] : Object.keys(value);
  return [...own, ...Object.values(value).flatMap(namesIn)];
}

test('every name in the JSON of every report is in snake_case', async () => {
  const flow = await openFlow();
  await flow.flush();
  for (const report of [
    'status',
    'verify',
    'doctor',
    'flush',
    'migrate',
    'populate --total 1',
    'pause',
    'resume',
    'dead-letters list',
    'users list',
    'keys list',
  ]) {
    const { exitCode, stdout } = await runInProcess([...report.split(' '), '--json'], flow.env);
    expect({ report, exitCode }).toEqual({ report, exitCode: 0 });
    const names = namesIn(JSON.parse(stdout));
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !/^[a-z0-9]+(_[a-z0-9]+)*$/.test(name))).toEqual([]);
  }
});

test('status --watch repeats until a signal ends it', async () => {
  const flow = await openFlow();
  await flow.flush();
  const watching = flow.begin(['status', '--watch', '--json']);
  await vi.waitFor(
    () => {
      expect(watching.output.split('\n').length).toBeGreaterThanOrEqual(3);
    },
    { timeout: 60_000 },
  );
  watching.signal('SIGINT');
  const { exitCode, stdout } = await watching.ended;
  expect(exitCode).toBe(0);
  for (const line of stdout.trimEnd().split('\n')) {
    expect(JSON.parse(line)).toMatchObject({ queue: { ready: 0 } });
  }
});

describe('doctor', () => {
  test('finds no danger in servers that Pulse has set up', async () => {
    const flow = await openFlow();
    await flow.flush();
    expect(await examine(flow)).toEqual({ exitCode: 0, dangers: [] });
    const { exitCode, stdout } = await flow.call(['doctor']);
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain('DANGER');
    expect(stdout).toContain('quorum');
  });

  test('names each Redis setting that endangers counts, and what it should be', async () => {
    const flow = await openFlow();
    const redis = await startPrivateRedis();
    onTestFinished(() => redis.close());
    const env = { REDIS_URL: redis.url };
    await flow.call(['flush'], env);
    const client = new Redis(redis.url);
    onTestFinished(() => {
      client.disconnect();
    });
    for (const [name, bad, good] of [
      ['appendfsync', 'everysec', 'always'],
      ['maxmemory-policy', 'allkeys-lru', 'noeviction'],
      ['appendonly', 'no', 'yes'],
    ] as const) {
      await client.config('SET', 'appendfsync', 'always', 'maxmemory-policy', 'noeviction');
      await client.config('SET', name, bad);
      const { exitCode, dangers } = await examine(flow, env);
      expect(exitCode).toBe(1);
      expect(dangers).toHaveLength(1);
      expect(dangers[0]!.detail).toContain(`"${bad}"`);
      expect(dangers[0]!.detail).toContain(`${name} ${good}`);
    }
  });

  test('names what is stuck or does not match, and what to do', async () => {
    const flow = await openFlow();
    const worker = await flow.start('worker');
    await flow.producer.publish(makeTraffic(100, 'examined').map(toMessage));
    await flow.settled({ counted: 90 });
    worker.signal('SIGTERM');
    await worker.ended;
    expect(await examine(flow)).toEqual({ exitCode: 0, dangers: [] });
    const redis = new Redis(flow.env.REDIS_URL!);
    onTestFinished(() => {
      redis.disconnect();
    });
    const pool = new Pool({ connectionString: flow.env.DATABASE_URL!, max: 1 });
    onTestFinished(() => pool.end());

    await redis.hincrby('{0}:books', 'counted', 7);
    const drifting = await examine(flow);
    expect(drifting.dangers).toMatchObject([
      { name: 'books', detail: expect.stringMatching(/7 pulses.*`pulse verify`/) as string },
    ]);
    await redis.hincrby('{0}:books', 'counted', -7);

    // Appended a minute ago, and no aggregator runs.
    const entry = [`${Date.now() - 60_000}-0`, '1', 'an entry'] as const;
    await redis.del('{0}:journal');
    await redis.xadd('{0}:journal', ...entry);
    expect((await examine(flow)).dangers).toMatchObject([
      { name: 'journal', detail: expect.stringContaining('nothing adds them up') as string },
    ]);
    await redis.del('{0}:journal');

    // Sealed two hours ago by a flush that died. Of one hour, the tick may be too recent.
    await flow.run(['flush', '--allow-test-faults'], { PULSE_CRASH_AT: 'flush:sealed:1' });
    const [batchId] = await redis.zrange('{0}:sealed', '0', '0');
    const openedAt = String(Math.floor(Date.now() / 1000) - 7_200);
    await redis.hset(`{0}:sealed:${batchId!}`, 'opened_at', openedAt);
    const stuck = await examine(flow);
    expect(stuck.dangers).toMatchObject([
      { name: 'flush', detail: expect.stringContaining('`pulse flush`') as string },
    ]);
    await flow.flush();
    expect(await examine(flow)).toEqual({ exitCode: 0, dangers: [] });

    await pool.query('UPDATE epochs SET id = gen_random_uuid()');
    const foreign = await examine(flow);
    expect(foreign.exitCode).toBe(1);
    expect(foreign.dangers).toMatchObject([
      { name: 'epoch', detail: expect.stringContaining('`pulse recover') as string },
    ]);
  });

  test('names missing migrations and an unavailable server, and still checks the rest', async () => {
    const flow = await openFlow();
    const { exitCode, dangers } = await examine(flow, {
      DATABASE_URL: await emptyDatabase(flow),
      REDIS_URL: 'redis://:hunter2@127.0.0.1:1',
      START_TIMEOUT_SECONDS: '1',
    });
    expect(exitCode).toBe(1);
    expect(dangers).toHaveLength(2);
    const details = dangers.map(({ detail }) => detail).join('\n');
    expect(details).toContain('0001_settings');
    expect(details).toContain('pulse migrate');
    expect(details).toContain('127.0.0.1:1');
    expect(details).not.toContain('hunter2');
  });
});

test('doctor and start name a queue that is not a quorum queue, with the argument that differs', async () => {
  const flow = await openFlow();
  const queue = `${flow.queue}.classic`;
  const connection = await connect(flow.env.RABBITMQ_URL!);
  const channel = await connection.createChannel();
  await channel.assertQueue(queue, { durable: true });
  onTestFinished(async () => {
    await connection.close();
    await deleteTopology(flow.env.RABBITMQ_URL!, queue);
  });
  const env = { PULSE_QUEUE: queue };
  const { exitCode, dangers } = await examine(flow, env);
  expect(exitCode).toBe(1);
  expect(dangers.map(({ detail }) => detail).join()).toContain('x-queue-type');
  for (const command of ['worker', 'start']) {
    const started = await flow.run([command], env);
    expect({ command, exitCode: started.exitCode }).toEqual({ command, exitCode: 1 });
    expect(started.stderr).toContain(`queue "${queue}"`);
    expect(started.stderr).toContain('x-queue-type');
    expect(started.stderr).toContain('PULSE_QUEUE');
  }
});
