import { expect, test, vi } from 'vitest';
import { useEventsFixture } from '../events/events-fixture.ts';
import { withChannel } from '../support/servers.ts';
import { runInProcess } from '../support/run-in-process.ts';

vi.setConfig({ testTimeout: 60_000 });

const WAIT = { timeout: 30_000 };
const OPTIONS = ['--rate', '2000', '--bad', '0.2', '--duplicates', '0.1', '--clients', '4'];
const fixture = useEventsFixture();

interface Produced {
  readonly sent: number;
  readonly kinds: Readonly<Record<string, number>> & { good: number; duplicate: number };
}

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { rabbitmqUrl, redisUrl, databaseUrl, queue } = fixture;
  return runInProcess(['produce-events', ...args], {
    RABBITMQ_URL: rabbitmqUrl,
    REDIS_URL: redisUrl,
    DATABASE_URL: databaseUrl,
    PULSE_QUEUE: queue,
    ...env,
  });
}

async function produce(...args: string[]): Promise<Produced> {
  const { exitCode, stdout, stderr } = await run([...OPTIONS, ...args, '--json']);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as Produced;
}

const countOf = (outcome: string) => fixture.outcomes.filter((one) => one === outcome).length;

async function countStored(): Promise<number> {
  const clients = [1, 2, 3, 4].map((number) => fixture.messagesOf(`fake-client-${number}`));
  return (await Promise.all(clients)).flat().length;
}

test('what is sent is stored, a duplicate or a dead letter', async () => {
  const { sent, kinds, ...rest } = await produce('--count', '600', '--seed', '7');
  expect(rest).toMatchObject({ state: 'completed', confirmed: 600, seed: 7, error: null });
  expect(sent).toBe(600);
  await expect.poll(() => fixture.outcomes.length, WAIT).toBe(sent);
  expect(countOf('done')).toBe(kinds.good);
  expect(countOf('duplicate')).toBe(kinds.duplicate);
  expect(countOf('impossible')).toBe(sent - kinds.good - kinds.duplicate);
  expect(await countStored()).toBe(kinds.good);
  const { deadQueue } = fixture;
  const waiting = () =>
    withChannel(fixture.rabbitmqUrl, async (channel) => {
      return (await channel.checkQueue(deadQueue)).messageCount;
    });
  await expect.poll(waiting, WAIT).toBe(sent - kinds.good - kinds.duplicate);
});

test('a run with the same seed sends the same events, which are all there', async () => {
  const before = await countStored();
  const known = fixture.outcomes.length;
  const { sent } = await produce('--count', '600', '--seed', '7');
  await expect.poll(() => fixture.outcomes.length, WAIT).toBe(known + sent);
  expect(await countStored()).toBe(before);
});

test('what is registered stays as it is', async () => {
  const mine = ['UPDATE producers SET name', 'UPDATE customers SET name'];
  for (const sql of mine) await fixture.pool.query(`${sql} = 'Mine' WHERE id ~ '^fake.*1$'`);
  await produce('--count', '1');
  for (const table of ['producers', 'customers']) {
    const { rows } = await fixture.pool.query(`SELECT name FROM ${table} WHERE id ~ '^fake.*1$'`);
    expect(rows).toEqual([{ name: 'Mine' }]);
  }
});

test('servers that are unavailable and options that do not fit are named', async () => {
  for (const name of ['RABBITMQ_URL', 'DATABASE_URL']) {
    const gone = name === 'RABBITMQ_URL' ? 'amqp://localhost:1' : 'postgres://localhost:1/none';
    const end = await run(['--count', '1'], { [name]: gone, START_TIMEOUT_SECONDS: '1' });
    expect(end.exitCode).toBe(1);
    expect(end.stderr).toContain('localhost:1');
  }
  const wrong = await run(['--bad', '0.8', '--duplicates', '0.3']);
  expect(wrong).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--bad') as string });
});
