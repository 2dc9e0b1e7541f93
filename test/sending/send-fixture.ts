/** The API with a real broker behind a proxy that can be cut, and the queue that it fills. */
import type { Channel, ChannelModel, ConsumeMessage, GetMessage } from 'amqplib';
import { pino } from 'pino';
import type { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import type { RequestBudgetOptions } from '../../src/http/byte-budget.ts';
import type { KeyLimits } from '../../src/http/idempotency-keys.ts';
import type { SendOutcome } from '../../src/sending/sent-pulse.ts';
import type { Pulse } from '../../src/contract/pulse.ts';
import { createPool } from '../../src/platform/postgres.ts';
import {
  closeRabbitConnection,
  openRabbitConnection,
} from '../../src/platform/rabbit-connection.ts';
import { declareTopology } from '../../src/platform/topology.ts';
import { createPublisher, type Publisher } from '../../src/publish/publisher.ts';
import { readBody } from '../contract/body-outcomes.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import {
  authorization,
  createTestApp,
  fakeIdentities,
  forgeToken,
  LIMITS,
} from '../api/api-fixture.ts';

export interface SendFixture {
  services: IsolatedServices;
  pool: Pool;
  channel: Channel;
  /** These are new for every test; the queue is empty. */
  proxy: TcpProxy;
  publisher: Publisher;
  app: Api;
}

export interface SendBody {
  readonly accepted: number;
  readonly rejected: number;
  readonly unconfirmed: number;
  readonly code?: string;
  readonly outcomes: (SendOutcome & { readonly id?: string })[];
}

/** Callers: `alice` is an administrator, `scoped` sends only for acme, `viewer` only reads. */
const USERS = {
  scoped: { role: 'operator', tenants: ['acme'] },
  viewer: { role: 'viewer', tenants: 'all' },
} as const;

/** Registers the hooks of a test file; what it returns is filled in before the first test. */
export function useSendFixture() {
  const fixture = {} as SendFixture;
  let connection: ChannelModel;

  beforeAll(async () => {
    fixture.services = await isolatedServices();
    const { rabbitmqUrl, databaseUrl, queue } = fixture.services;
    fixture.pool = createPool(databaseUrl, { name: 'test', logger: pino({ level: 'silent' }) });
    connection = await openRabbitConnection(rabbitmqUrl, { name: 'test' });
    await declareTopology(connection, queue);
    fixture.channel = await connection.createChannel();
  });
  afterAll(async () => {
    await closeRabbitConnection(connection);
    await fixture.pool.end();
    await fixture.services.close();
  });
  beforeEach(async () => {
    const { rabbitmqUrl, queue } = fixture.services;
    await fixture.channel.purgeQueue(queue);
    fixture.proxy = await startTcpProxy(rabbitmqUrl);
    const publisher = createPublisher({
      url: fixture.proxy.url,
      logger: pino({ level: 'silent' }),
      waitTimeoutMs: 1_000,
      confirmTimeoutMs: 1_000,
    });
    fixture.publisher = publisher;
    await publisher.ready;
    fixture.app = await openSendApp(fixture, queue);
  });
  afterEach(async () => {
    await fixture.app.close();
    await fixture.publisher.close(100);
    await fixture.proxy.close();
  });
  return fixture;
}

/** An API that publishes to the queue's exchange through the fixture's publisher. */
export async function openSendApp(
  { pool, publisher }: Pick<SendFixture, 'pool' | 'publisher'>,
  queue: string,
  options: { bodyBudget?: RequestBudgetOptions; keyLimits?: KeyLimits } = {},
): Promise<Api> {
  const { bodyBudget, keyLimits } = options;
  const { app } = await createTestApp(
    {
      pool,
      identities: fakeIdentities(USERS),
      sending: {
        publish: (publication) => publisher.publish(publication),
        brokerState: () => publisher.state,
        queue,
        limits: LIMITS,
        ...(keyLimits === undefined ? {} : { keyLimits }),
      },
    },
    bodyBudget === undefined ? {} : { bodyBudget },
  );
  return app;
}

/** Sends as `alice` unless told otherwise; objects are sent as JSON. */
export async function send(
  { app }: Pick<SendFixture, 'app'>,
  body: unknown,
  options: { headers?: Record<string, string>; as?: string } = {},
) {
  const res = await app.inject({
    method: 'POST',
    url: '/api/v1/pulses',
    headers: {
      ...authorization(forgeToken({ claims: { sub: options.as ?? 'alice' } })),
      'content-type': 'application/json',
      ...options.headers,
    },
    payload: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  });
  return { status: res.statusCode, headers: res.headers, body: res.json<SendBody>() };
}

/** Takes everything from the queue and parses it like ingest. All of it must be countable. */
export async function takePulses({ channel, services }: SendFixture): Promise<Pulse[]> {
  const pulses: Pulse[] = [];
  for (;;) {
    const delivery: ConsumeMessage | GetMessage | false = await channel.get(services.queue, {
      noAck: true,
    });
    if (delivery === false) return pulses;
    for (const { pulse, body = '', detail = '' } of readBody(
      delivery.content,
      { receivedAtMs: Date.now() },
      LIMITS,
    )) {
      if (pulse === undefined) expect.fail(`ingest refuses ${body}: ${detail}`);
      pulses.push(pulse);
    }
  }
}
