/** What happens to a workflow and its message when somebody dies, or sends rubbish. */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { describe, expect, test } from 'vitest';
import type { MessageGetter, TakenMessage } from '../../src/messaging/message-getter.ts';
import { consumeNext } from '../../src/workflows/consume-next.ts';
import { useWorkflowsFixture } from './workflows-fixture.ts';

const fixture = useWorkflowsFixture();
const ROWS = 'a\r\n1\r\n';

async function statusOf(id: string): Promise<unknown> {
  return (await fixture.ask('GET', `/workflow/${id}`)).body.status;
}

/** A getter that lets the test see, and stop, what is done to its messages. */
function watched(getter: MessageGetter, wrap: (taken: TakenMessage) => TakenMessage) {
  return {
    async get() {
      const taken = await getter.get();
      return taken === undefined ? undefined : wrap(taken);
    },
  };
}

test('two consumers at once never get the same workflow, and together get all', async () => {
  const ids = [];
  for (let count = 0; count < 40; count++) ids.push(await fixture.insert({ a: count }));
  const getters = await Promise.all([fixture.newGetter(), fixture.newGetter()]);
  const consumed: string[] = [];
  const consumeAll = async (queue: MessageGetter) => {
    for (;;) {
      const one = await consumeNext({ ...fixture.deps, queue });
      if (one === undefined) return;
      consumed.push(one.workflow.id);
    }
  };
  await Promise.all([...getters, ...getters].map(consumeAll));
  expect(consumed.sort()).toEqual(ids.sort());
});

test('one that dies with the message taken loses nothing: another gets it', async () => {
  const id = await fixture.insert({ a: 1 });
  const dying = await fixture.newGetter();
  const { deps } = fixture;
  const never = consumeNext({
    ...deps,
    queue: watched(dying, (taken) => {
      // As a process that is killed: neither acknowledged nor given back.
      void dying.close();
      return { ...taken, acknowledge: () => undefined, giveBack: () => undefined };
    }),
    pool: failing(fixture.pool, /^COMMIT/),
  });
  await expect(never).rejects.toThrow();
  expect(await statusOf(id)).toBe('inserted');
  await expect.poll(fixture.depth).toBe(1);
  expect(await consumeNext(deps)).toMatchObject({ workflow: { id }, csv: ROWS });
});

test('one that dies after the commit leaves a message that the next consumer skips', async () => {
  const first = await fixture.insert({ a: 1 });
  const second = await fixture.insert({ a: 2 });
  const dying = await fixture.newGetter();
  await consumeNext({
    ...fixture.deps,
    queue: watched(dying, (taken) => ({ ...taken, acknowledge: () => undefined })),
  });
  await dying.close();
  expect(await statusOf(first)).toBe('consumed');
  await expect.poll(fixture.depth).toBe(2);
  expect(await consumeNext(fixture.deps)).toMatchObject({ workflow: { id: second } });
  expect(await consumeNext(fixture.deps)).toBeUndefined();
  expect((await fixture.ask('GET', `/workflow/${first}/csv`)).text).toBe(ROWS);
});

test('while Postgres is away, no message is taken', async () => {
  const id = await fixture.insert({ a: 1 });
  const taken: TakenMessage[] = [];
  const queue = watched(await fixture.newGetter(), (one) => {
    taken.push(one);
    return one;
  });
  const pool = { connect: () => Promise.reject(new Error('away')) } as unknown as Pool;
  await expect(consumeNext({ ...fixture.deps, queue, pool })).rejects.toThrow('lost');
  expect(taken).toEqual([]);
  expect(await consumeNext(fixture.deps)).toMatchObject({ workflow: { id } });
});

test('while RabbitMQ is away, the answer is 503', async () => {
  const getter = await fixture.newGetter();
  await getter.close();
  await expect(consumeNext({ ...fixture.deps, queue: getter })).rejects.toMatchObject({
    code: 'PULSE_RABBIT_UNREACHABLE',
  });
});

describe('a message that names no workflow', () => {
  test.each([
    ['is not JSON', 'rubbish', 'invalid_message'],
    ['is something else', '{"order_id": 1}', 'invalid_message'],
    [
      'is large',
      JSON.stringify({ workflow_id: randomUUID(), round: 1, x: 'x'.repeat(5_000) }),
      'invalid_message',
    ],
    [
      'is about no workflow',
      JSON.stringify({ workflow_id: randomUUID(), round: 1 }),
      'unknown_workflow',
    ],
  ])('because it %s is a dead letter, and the next is consumed', async (_, body, code) => {
    const { publish, queue, deps } = fixture;
    await publish({
      exchange: '',
      routingKey: queue,
      body: Buffer.from(body),
      headers: {},
    });
    const id = await fixture.insert({ a: 1 });
    expect(await consumeNext(deps)).toMatchObject({ workflow: { id } });
    expect(await consumeNext(deps)).toBeUndefined();
    let letter: string | undefined;
    await expect
      .poll(async () => (letter ??= await fixture.takeDeadLetter()), { timeout: 10_000 })
      .toBeDefined();
    expect(letter).toContain(code);
  });
});

test('a very large message is a dead letter with its whole body, which does not go through Postgres', async () => {
  const { publish, queue, deps, pool } = fixture;
  const body = Buffer.alloc(20 * 1024 * 1024, 'x');
  const old = await fixture.insert({ a: 0 });
  await fixture.ask('PATCH', `/workflow/${old}`, { body: { status: 'consumed' } });
  for (let count = 0; count < 2; count++) {
    await publish({ exchange: '', routingKey: queue, body, headers: {} });
  }
  const id = await fixture.insert({ a: 1 });
  // What was taken before a failure goes back.
  const taken = await fixture.newGetter();
  const failed = consumeNext({ ...deps, queue: taken, pool: failing(pool, /^COMMIT/) });
  await expect(failed).rejects.toThrow();
  await expect.poll(fixture.depth).toBe(4);

  const written: unknown[] = [];
  const watching = watchedPool(pool, (text) => written.push(text));
  expect(await consumeNext({ ...deps, pool: watching })).toMatchObject({ workflow: { id } });
  expect(written.filter((text) => String(text).includes('add_job'))).toEqual([]);
  expect(await fixture.depth()).toBe(0);
  for (let count = 0; count < 2; count++) {
    let letter: Awaited<ReturnType<typeof fixture.takeDeadBody>>;
    await expect
      .poll(async () => (letter ??= await fixture.takeDeadBody()), { timeout: 30_000 })
      .toBeDefined();
    expect(letter?.equals(body)).toBe(true);
  }
});

test('the customer whom a workflow names is told, by consumption and by hand', async () => {
  const insert = async (client?: string) => {
    const body = { data: 1, steps: ['one'], ...(client === undefined ? {} : { client }) };
    return String((await fixture.ask('POST', '/workflow', { body })).body.uuid);
  };
  await insert();
  const first = await insert('customer-1');
  await expect.poll(fixture.depth).toBe(2);
  while ((await consumeNext(fixture.deps)) !== undefined);
  const second = await insert('customer-2');
  await fixture.ask('PATCH', `/workflow/${second}`, { body: { status: 'consumed' } });
  const told: unknown[] = [];
  const take = async () => {
    const next = await fixture.takeAnnouncement();
    if (next !== undefined) told.push(next);
    return told.length;
  };
  await expect.poll(take, { timeout: 10_000 }).toBe(2);
  const type = 'announced.workflow.consumed';
  expect(told).toMatchObject([
    { type, body: { client: 'customer-1', workflow_id: first } },
    { type, body: { client: 'customer-2', workflow_id: second } },
  ]);
  expect(await fixture.takeAnnouncement()).toBeUndefined();
});

test('more old messages than one transaction takes are skipped', async () => {
  const { publish, queue, deps, pool } = fixture;
  const { rows } = await pool.query<{ id: string }>(
    `INSERT INTO workflows (id, share, created_by, data, data_text, steps, status, csv, consumed_at, consumed_by)
     SELECT gen_random_uuid(), 'all', 'test', '1', '1', '{one}', 'consumed', 'x', now(), 'test'
     FROM generate_series(1, 250) RETURNING id`,
  );
  for (const { id } of rows) {
    const body = Buffer.from(JSON.stringify({ workflow_id: id, round: 1 }));
    await publish({ exchange: '', routingKey: queue, body, headers: {} });
  }
  const last = await fixture.insert({ a: 1 });
  expect(await consumeNext(deps)).toMatchObject({ workflow: { id: last } });
  expect(await fixture.depth()).toBe(0);
  const queued = await pool.query('SELECT FROM workflows WHERE is_queued');
  expect(queued.rowCount).toBe(0);
});

/** A pool whose connections break at a statement. */
function failing(pool: Pool, statement: RegExp): Pool {
  return watchedPool(pool, (text) => {
    if (statement.test(text)) throw new Error('broken');
  });
}

/** @param look Sees each statement before it is sent. */
function watchedPool(pool: Pool, look: (text: string) => unknown): Pool {
  return {
    async connect() {
      const client = await pool.connect();
      return new Proxy(client, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function') return value;
          if (name !== 'query') return value.bind(target) as unknown;
          return async (text: unknown, ...rest: unknown[]) => {
            if (typeof text === 'string') look(text);
            return await (value as (...all: unknown[]) => unknown).call(target, text, ...rest);
          };
        },
      });
    },
  } as unknown as Pool;
}
