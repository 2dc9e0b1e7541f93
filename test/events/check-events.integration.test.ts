/** What checks of events may take, and what waits for them: the producers are locked only afterwards. */
import { randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import { expect, test } from 'vitest';
import { createEventSchemas, type EventSchemas } from '../../src/events/event-schemas.ts';
import { insertVersion } from '../../src/events/events-query.ts';
import { STEPS_MAX } from '../../src/events/json-schema/event-schema.ts';
import { storeEvents } from '../../src/events/store-events.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { eventOf, useEventsApi } from './events-api.ts';
import { useEventsFixture } from './events-fixture.ts';

const fixture = useEventsFixture();
const ask = useEventsApi(fixture);

type Names = Awaited<ReturnType<typeof fixture.make>>;

const toStore = (names: Names) => {
  const data = { size: 1 };
  const more = { data, dataText: JSON.stringify(data), occurredAt: undefined };
  return { ...names, id: randomUUID(), ...more };
};

/** Stores events in one transaction. @param on Is told what happens, in its order. */
function store(
  events: Parameters<typeof storeEvents>[1],
  schemas: EventSchemas,
  on: (what: 'locked' | 'read') => Promise<void> | void,
) {
  return withTransaction(fixture.pool, async (client) => {
    const query = client.query.bind(client) as (sql: string, values: unknown[]) => Promise<unknown>;
    const watched = async (sql: string, values: unknown[]) => {
      const result = await query(sql, values);
      if (sql.includes('FROM producers'))
        await on(sql.includes('FOR NO KEY UPDATE') ? 'locked' : 'read');
      return result;
    };
    return storeEvents({ query: watched } as unknown as PoolClient, events, schemas);
  });
}

/** Schemas that tell which versions they check. @param steps Of each check. */
function counted(onCheck: (version: number) => void, steps = 1): EventSchemas {
  const real = createEventSchemas();
  return {
    load: (client, versions) => real.load(client, versions),
    validate(version, data) {
      onCheck(version.version);
      return { ...real.validate(version, data), steps };
    },
  };
}

async function changeType({ type }: Names, schema: object) {
  const edition = { name: type, version: 2, schema, description: null, isBreaking: true };
  await insertVersion(fixture.pool, { ...edition, createdBy: 'test' });
}

test('events are checked before their producer is locked, and not again', async () => {
  const names = await fixture.make();
  const log: unknown[] = [];
  const schemas = counted((version) => log.push(version));
  const outcomes = await store([toStore(names), toStore(names)], schemas, (what) => {
    log.push(what);
  });
  expect(outcomes).toEqual(['stored', 'stored']);
  expect(log).toEqual(['read', 1, 1, 'locked']);
});

test('events are checked again when their type has changed before the lock', async () => {
  const names = await fixture.make();
  const versions: number[] = [];
  const schemas = counted((version) => versions.push(version));
  const outcomes = await store([toStore(names)], schemas, async (what) => {
    if (what === 'read') await changeType(names, { properties: { size: { minimum: 2 } } });
  });
  expect(outcomes).toMatchObject([{ code: 'invalid_data', pointer: '/data/size' }]);
  expect(versions).toEqual([1, 2]);
});

test('an event whose client is created before the lock is checked and stored', async () => {
  const names = await fixture.make();
  const client = `client-${randomUUID()}`;
  const versions: number[] = [];
  const schemas = counted((version) => versions.push(version));
  const outcomes = await store([toStore({ ...names, client })], schemas, async (what) => {
    if (what !== 'read') return;
    await fixture.pool.query(`INSERT INTO customers (id, name) VALUES ($1, 'New')`, [client]);
  });
  expect(outcomes).toEqual(['stored']);
  expect(versions).toEqual([1]);
});

test('no further check begins when those before it have cost too much', async () => {
  const names = await fixture.make();
  let checks = 0;
  const schemas = counted(() => (checks += 1), STEPS_MAX);
  const events = Array.from({ length: 500 }, () => toStore(names));
  const outcomes = await store(events, schemas, () => undefined);
  expect(checks).toBe(6);
  expect(outcomes.slice(0, 6)).toEqual(Array(6).fill('stored'));
  const codes = outcomes.slice(6).map((one) => typeof one === 'object' && one.code);
  expect(new Set(codes)).toEqual(new Set(['too_costly']));
});

/** Each number costs about 2,000 steps. */
const COSTLY_SCHEMA = {
  properties: { list: { items: { allOf: Array.from({ length: 450 }, () => ({ minimum: 0 })) } } },
};
const COSTLY = { list: Array<number>(1_900).fill(1) };

test('costly events that were left out of a request can be sent again, with fewer at a time', async () => {
  const names = await fixture.make();
  await changeType(names, COSTLY_SCHEMA);
  const events = Array.from({ length: 20 }, () => eventOf(names, { data: COSTLY }));
  const { status, body } = await ask('POST', '/events', events);
  expect(status).toBe(200);
  const { stored, rejected, outcomes } = body as {
    stored: number;
    rejected: number;
    outcomes: { status: string; code?: string; detail?: string }[];
  };
  expect(stored).toBeGreaterThan(0);
  expect(stored + rejected).toBe(20);
  expect(outcomes[19]).toMatchObject({ status: 'rejected', code: 'too_costly' });
  expect(outcomes[19]?.detail).toMatch(/Send it again, with fewer events at a time/);
  const again = await ask('POST', '/events', events.slice(19));
  expect(again.body).toMatchObject({ stored: 1 });
});

test('costly events over RabbitMQ are all stored, if need be one by one', async () => {
  const names = await fixture.make();
  await changeType(names, COSTLY_SCHEMA);
  await fixture.pause();
  await fixture.send(Array.from({ length: 20 }, () => eventOf(names, { data: COSTLY })));
  fixture.resume();
  await eventually(async () => (await fixture.messagesOf(names.client)).length).toBe(20);
  expect(await fixture.takeDeadLetter()).toBe(false);
});
