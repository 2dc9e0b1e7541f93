/** Workflows on real servers: the API's routes, the relay, and getters of the queue. */
import { connect } from 'amqplib';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { createMessageGetter, type MessageGetter } from '../../src/messaging/message-getter.ts';
import type { Publisher } from '../../src/publish/publisher.ts';
import type { ConsumeDeps } from '../../src/workflows/consume-next.ts';
import { eventQueues } from '../../src/events/events-queues.ts';
import { workflowQueues } from '../../src/workflows/workflows-queues.ts';
import { authorization, createTestApp, fakeIdentities, forgeToken } from '../api/api-fixture.ts';
import { openRelayedQueues } from '../messaging/relayed-queues.ts';
import { isolatedServices } from '../support/isolated.ts';
import { withChannel } from '../support/servers.ts';
import { until } from '../support/until.ts';

const logger = pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' });

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface WorkflowsFixture {
  readonly app: Api;
  readonly pool: Pool;
  readonly prefix: string;
  readonly queue: string;
  /** Of a command. */
  readonly env: Readonly<Record<string, string>>;
  readonly deps: ConsumeDeps;
  readonly publish: Publisher['publish'];
  /** @param as Alice is an operator of all tenants. */
  readonly ask: (
    method: 'GET' | 'HEAD' | 'PATCH' | 'POST',
    path: string,
    options?: { readonly body?: object | string; readonly as?: string; readonly key?: string },
  ) => Promise<Answer>;
  /** Inserts a workflow, and waits until its message is in the queue. @returns Its id. */
  insert(
    data: unknown,
    more?: { readonly steps?: readonly string[]; readonly as?: string },
  ): Promise<string>;
  readonly depth: () => Promise<number>;
  emptyQueue(): Promise<unknown>;
  /** As somebody who may administer the broker. */
  deleteQueue(): Promise<unknown>;
  /** Another process that takes messages from the queue. */
  newGetter(): Promise<MessageGetter>;
  /** The body of an announcement to a customer, with its routing key. */
  takeAnnouncement(): Promise<{ readonly type: string; readonly body: unknown } | undefined>;
  /** The headers of a dead letter. */
  takeDeadLetter(): Promise<string | undefined>;
  takeDeadBody(): Promise<Buffer | undefined>;
}

/** Registers the hooks of a test file; what it returns is filled in before the first test. */
export function useWorkflowsFixture(): WorkflowsFixture {
  const fixture = {} as WorkflowsFixture;
  let close: () => Promise<void>;
  beforeAll(async () => {
    const opened = await open();
    close = opened.close;
    Object.assign(fixture, opened.fixture);
  });
  afterEach(async () => {
    await fixture.pool.query('TRUNCATE workflows');
    await fixture.pool.query('DELETE FROM graphile_worker._private_jobs');
    await fixture.emptyQueue();
  });
  afterAll(() => close());
  return fixture;
}

async function open() {
  const services = await isolatedServices();
  const { rabbitmqUrl, databaseUrl, queue: pulses } = services;
  const queues = await openRelayedQueues(services, (prefix) => [
    workflowQueues(prefix).inserted,
    eventQueues(prefix).announced,
  ]);
  const { pool, prefix, deadExchange, publish } = queues;
  const { inserted } = workflowQueues(prefix);
  const { announced } = eventQueues(prefix);
  const connection = await connect(rabbitmqUrl);
  const looking = await connection.createChannel();
  const getters: MessageGetter[] = [];
  const newGetter = async () => {
    const getter = createMessageGetter({
      url: rabbitmqUrl,
      binding: inserted,
      deadExchange,
      logger,
      name: 'workflows test',
    });
    getters.push(getter);
    await getter.ready;
    return getter;
  };
  const deps: ConsumeDeps = {
    ...{ pool, prefix, deadExchange, logger, actor: 'test' },
    queue: await newGetter(),
    onStep: () => undefined,
  };
  const identities = fakeIdentities({
    viewer: { role: 'viewer', tenants: 'all' },
    acme: { role: 'operator', tenants: ['acme'] },
    globex: { role: 'operator', tenants: ['globex'] },
  });
  const { app } = await createTestApp({ pool, identities, workflows: deps });

  const ask: WorkflowsFixture['ask'] = async (method, path, { body, as = 'alice', key } = {}) => {
    const response = await app.inject({
      method,
      url: path,
      headers: {
        ...authorization(forgeToken({ claims: { sub: as } })),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { payload: body }),
    });
    const isJson = method !== 'HEAD' && String(response.headers['content-type']).includes('json');
    return {
      status: response.statusCode,
      headers: response.headers,
      text: response.payload,
      body: isJson ? response.json<Record<string, unknown>>() : {},
    };
  };
  const depth = async () => (await looking.checkQueue(inserted.queue)).messageCount;
  const fixture: WorkflowsFixture = {
    env: {
      ...{ RABBITMQ_URL: rabbitmqUrl, REDIS_URL: services.redisUrl, DATABASE_URL: databaseUrl },
      ...{ PULSE_QUEUE: pulses, MESSAGE_PREFIX: prefix, LOG_LEVEL: 'silent' },
    },
    ...{ app, pool, prefix, queue: inserted.queue, deps, publish, ask, depth, newGetter },
    async insert(data, { steps = ['one'], as } = {}) {
      const before = await depth();
      const { status, body, text } = await ask('POST', '/workflow', {
        body: { data, steps },
        ...(as === undefined ? {} : { as }),
      });
      if (status !== 201) throw new Error(text);
      await until('its message is in the queue', 30_000, async () => (await depth()) > before);
      return String(body.uuid);
    },
    async takeAnnouncement() {
      const got = await looking.get(announced.queue, { noAck: true });
      if (got === false) return undefined;
      return { type: got.fields.routingKey, body: JSON.parse(got.content.toString()) as unknown };
    },
    emptyQueue: () => withChannel(rabbitmqUrl, (channel) => channel.purgeQueue(inserted.queue)),
    deleteQueue: () => withChannel(rabbitmqUrl, (channel) => channel.deleteQueue(inserted.queue)),
    async takeDeadBody() {
      const letter = await queues.takeDeadLetter();
      return letter === false ? undefined : letter.content;
    },
    async takeDeadLetter() {
      const letter = await queues.takeDeadLetter();
      return letter === false ? undefined : JSON.stringify(letter.properties.headers);
    },
  };
  const close = async () => {
    await app.close();
    await Promise.all(getters.map((getter) => getter.close()));
    await connection.close();
    await queues.close();
    await services.close();
  };
  return { fixture, close };
}
