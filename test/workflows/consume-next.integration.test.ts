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
    const { publisher, queue, deps } = fixture;
    await publisher.publish({
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

test('the customer whom a workflow names is told', async () => {
  await fixture.insert({ a: 1 });
  const body = { data: 1, steps: ['one'], client: 'customer-1' };
  const { uuid } = (await fixture.ask('POST', '/workflow', { body })).body;
  // Its message cannot be published: nothing in this test has the exchange of events.
  await fixture.ask('PATCH', `/workflow/${String(uuid)}`, { body: { status: 'consumed' } });
  const { rows } = await fixture.pool.query<{
    payload: { routingKey: string; bodyBase64: string };
  }>(
    `SELECT payload FROM graphile_worker._private_jobs WHERE payload ->> 'routingKey' LIKE 'announced.%'`,
  );
  expect(rows.map(({ payload }) => payload.routingKey)).toEqual(['announced.workflow.consumed']);
  const told = Buffer.from(rows[0]!.payload.bodyBase64, 'base64').toString();
  expect(JSON.parse(told)).toMatchObject({ client: 'customer-1', workflow_id: uuid });
});

/** A pool whose connections break at a statement. */
function failing(pool: Pool, statement: RegExp): Pool {
  return {
    async connect() {
      const client = await pool.connect();
      return new Proxy(client, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function') return value;
          if (name !== 'query') return value.bind(target) as unknown;
          return (text: unknown, ...rest: unknown[]) =>
            typeof text === 'string' && statement.test(text)
              ? Promise.reject(new Error('broken'))
              : (value as (...all: unknown[]) => unknown).call(target, text, ...rest);
        },
      });
    },
  } as unknown as Pool;
}
