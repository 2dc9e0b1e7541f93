/** Callers of every kind, valid and invalid, and the data of their requests, in a real Postgres. */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { insertKey } from '../../src/access/api-keys.ts';
import type { ApiModulesDeps } from '../../src/commands/api-parts.ts';
import { ROLES, type Role } from '../../src/http/caller.ts';
import { createIdentities } from '../../src/access/identities.ts';
import { createKeyText, keyText } from '../../src/access/key-text.ts';
import { addUser, setUserDisabled } from '../../src/access/users.ts';
import type { TenantScope } from '../../src/core/tenant-scope.ts';
import { createEventSchemas } from '../../src/events/event-schemas.ts';
import { insertVersion, putProducer } from '../../src/events/events-query.ts';
import type { Event } from '../../src/events/events.ts';
import { storeEvents } from '../../src/events/store-events.ts';
import { insertOrder } from '../../src/orders/orders-query.ts';
import { createPool, withTransaction } from '../../src/platform/postgres.ts';
import {
  changeSubscription,
  purchaseSubscription,
} from '../../src/subscriptions/change-subscription.ts';
import { insertWorkflow, setConsumed } from '../../src/workflows/workflows-query.ts';
import { directRpc } from '../subscriptions/direct-rpc.ts';
import { isolatedServices } from '../support/isolated.ts';
import { OTHER_TENANT, OWN_TENANT, type MatrixWorld } from './access-matrix-row.ts';
import {
  createTestApp,
  fakePopulateRuns,
  forgeToken,
  NO_REPLAY,
  NO_SENDING,
  OPTIONS,
} from './api-fixture.ts';
import { insertReadyExport, newExportDirectory } from './access-exports.ts';
import { createEndpoints, endpointDeps } from './access-endpoints.ts';
import { insertBatch } from '../usage/rows-fixture.ts';

const SOURCE = { actor: 'test', via: 'command_line' } as const;
export const SCOPES = { all: 'all', own: [OWN_TENANT], other: [OTHER_TENANT] } as const;
export type ScopeName = keyof typeof SCOPES;

export type AccessFixture = Awaited<ReturnType<typeof createAccessFixture>>;

/** Opens everything. Sending and replaying do not need a broker: every publication counts as confirmed. */
export async function createAccessFixture() {
  const services = await isolatedServices();
  const logger = pino({ level: 'silent' });
  const pool = createPool(services.databaseUrl, { name: 'test', logger });
  const populateRuns = fakePopulateRuns();
  const replay = { ...NO_REPLAY, publish: () => Promise.resolve() };
  const sending: ApiModulesDeps['sending'] = {
    ...NO_SENDING,
    publish: () => Promise.resolve(),
    brokerState: () => 'open',
  };
  const identities = createIdentities(pool, logger);
  const directory = await newExportDirectory();
  const { app } = await createTestApp(
    {
      ...{ pool, identities, populateRuns, replay, sending },
      subscriptions: { rpc: directRpc(pool) },
      delivery: endpointDeps(),
      // An empty queue.
      workflows: { queue: { get: () => Promise.resolve(undefined) } },
      exports: { directory },
    },
    { populateRunsMax: 1_000 },
  );
  await app.ready();
  return {
    app,
    pool,
    world: await createWorld(pool, populateRuns, directory),
    good: await createGoodCallers(pool),
    bad: await createBadCallers(pool),
    async close() {
      await app.close();
      await pool.end();
      await services.close();
      await rm(directory, { recursive: true });
    },
  };
}

async function createWorld(
  pool: Pool,
  populateRuns: ReturnType<typeof fakePopulateRuns>,
  directory: string,
): Promise<MatrixWorld> {
  await insertBatch(pool, [{ tenant: OWN_TENANT }, { tenant: OTHER_TENANT }]);
  const { rows } = await pool.query<{ id: string }>('SELECT id FROM pulses WHERE tenant = $1', [
    OWN_TENANT,
  ]);
  const run = await populateRuns.start({
    total: 1,
    workers: 1,
    buffer: 1,
    pulsesPerMessage: 1,
    requestedBy: 'x',
  });
  const customerId = 'matrix-customer';
  const sku = 'matrix-sku';
  const name = `Customer of ${OWN_TENANT}`;
  await pool.query('INSERT INTO customers (id, name, tenant) VALUES ($1, $1, $2)', [
    name,
    OWN_TENANT,
  ]);
  await pool.query("INSERT INTO products (sku, name, unit) VALUES ($1, 'Thing', 'count')", [sku]);
  const orderId = randomUUID();
  await insertOrder(pool, {
    id: orderId,
    customerId: name,
    items: [{ sku, qty: 1 }],
    currency: 'USD',
    createdBy: 'test',
  });
  // Refusals repeat the path, which must not name the tenant.
  await pool.query('UPDATE customers SET id = $1 WHERE id = $2', [customerId, name]);
  await pool.query(
    "INSERT INTO unsubscribed_usage (tenant, sku, pulse_count) VALUES ($1, 'matrix', 1)",
    [OWN_TENANT],
  );
  const endpoints = createEndpoints(pool, { client: customerId, tenant: OWN_TENANT });
  const newSubscription = () => insertSubscriptionOf(pool, customerId);
  const messageId = 'matrix-message';
  const of = { producer: 'matrix-producer', type: 'matrix.type', client: customerId };
  await insertMessage(pool, { ...of, id: messageId });
  return {
    customerId,
    sku,
    orderId,
    subscriptionId: await newSubscription(),
    producer: of.producer,
    eventType: of.type,
    messageId,
    ...(await endpoints.withDelivery(of)),
    newEndpoint: endpoints.newEndpoint,
    newSubscription,
    pulseId: rows[0]!.id,
    populateRunId: run.id,
    newWorkflow: () => insertConsumedWorkflow(pool),
    newExport: () => insertReadyExport(pool, directory, OWN_TENANT),
    newDeadLetter: () => insertDeadLetter(pool, OWN_TENANT),
    newUser: () => newUser(pool, { role: 'viewer', scope: [OWN_TENANT] }),
    newKey: async () => (await newKey(pool, { role: 'viewer', scope: [OWN_TENANT] })).id,
  };
}

/** Writes an active subscription with a pending cancellation. */
async function insertSubscriptionOf(pool: Pool, userId: string): Promise<string> {
  const id = randomUUID();
  const origin = { cause: 'command', changedBy: 'test' } as const;
  await withTransaction(pool, async (client) => {
    const transaction = { client, prefix: '', publish: () => Promise.resolve() };
    await purchaseSubscription(transaction, { id, userId }, origin);
    const effectiveAt = new Date(Date.now() + 86_400_000);
    await changeSubscription(transaction, { id, kind: 'canceled', effectiveAt }, origin);
  });
  return id;
}

/** Writes a message, with the name of the tenant in its data, and what it refers to. */
async function insertMessage(
  pool: Pool,
  names: Pick<Event, 'producer' | 'id' | 'type' | 'client'>,
): Promise<void> {
  const { producer, type: name } = names;
  await putProducer(pool, { id: producer, name: null });
  const createdBy = 'test';
  await insertVersion(pool, {
    ...{ name, version: 1, schema: {}, description: null, isBreaking: false, createdBy },
  });
  const data = { tenant: OWN_TENANT };
  const event = { ...names, data, dataText: JSON.stringify(data), occurredAt: undefined };
  await withTransaction(pool, (client) => storeEvents(client, [event], createEventSchemas()));
}

/** Writes a workflow of the tenant, with its name in data and CSV. */
async function insertConsumedWorkflow(pool: Pool): Promise<string> {
  const id = randomUUID();
  const dataText = JSON.stringify({ tenant: OWN_TENANT });
  const workflow = { id, dataText, steps: ['one'], client: undefined, createdBy: 'test' };
  await insertWorkflow(pool, [OWN_TENANT], workflow);
  const csv = `tenant\r\n${OWN_TENANT}\r\n`;
  await setConsumed(pool, { id, isQueued: true }, { csv, consumedBy: 'test' });
  return id;
}

/** Writes a quarantined dead letter. */
export async function insertDeadLetter(pool: Pool, tenant: string | null): Promise<string> {
  const id = randomUUID();
  await pool.query(
    `INSERT INTO dead_letters (id, reason, detail, body, tenant)
     VALUES ($1, 'invalid_tenant', 'wrong', $2, $3)`,
    [id, Buffer.from(JSON.stringify({ tenant })), tenant],
  );
  return id;
}

/** For every role and scope, a user's token and a key, as values of the header Authorization. */
async function createGoodCallers(pool: Pool) {
  const callers: { role: Role; scope: ScopeName; kind: 'user' | 'key'; authorization: string }[] =
    [];
  for (const role of ROLES) {
    for (const [scope, tenants] of Object.entries(SCOPES) as [ScopeName, TenantScope][]) {
      // An administrator cannot be limited to some tenants.
      if (role === 'admin' && scope !== 'all') continue;
      const sub = await newUser(pool, { role, scope: tenants });
      // For as long as the whole matrix takes on a busy machine.
      const exp = Math.floor(Date.now() / 1000) + OPTIONS.tokenTtlSeconds;
      const token = forgeToken({ claims: { sub, exp } });
      callers.push({ role, scope, kind: 'user', authorization: `Bearer ${token}` });
      const { text } = await newKey(pool, { role, scope: tenants });
      callers.push({ role, scope, kind: 'key', authorization: `Bearer ${text}` });
    }
  }
  return callers;
}

/** Callers that every closed route must refuse. Each would otherwise be an administrator. */
async function createBadCallers(pool: Pool): Promise<Record<string, string | undefined>> {
  const nowSec = Math.floor(Date.now() / 1000);
  const admin = { role: 'admin', scope: 'all' } as const;
  const sub = await newUser(pool, admin);
  const disabled = await newUser(pool, admin);
  await setUserDisabled(pool, { username: disabled, isDisabled: true }, SOURCE);
  const revoked = await newKey(pool, admin);
  await pool.query('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [revoked.id]);
  const expired = await newKey(pool, admin);
  await pool.query(
    `UPDATE api_keys SET created_at = now() - interval '2 days', expires_at = now() - interval '1 second'
     WHERE id = $1`,
    [expired.id],
  );
  const good = await newKey(pool, admin);
  const unsigned = forgeToken({ claims: { sub }, header: { alg: 'none' } }).replace(/[^.]*$/, '');
  const tokens = {
    'expired token': forgeToken({ claims: { sub, iat: nowSec - 120, exp: nowSec - 60 } }),
    'wrong signature': forgeToken({ claims: { sub }, secret: 'x'.repeat(48) }),
    'alg none': unsigned,
    'unknown user': forgeToken({ claims: { sub: 'nobody' } }),
    'disabled user': forgeToken({ claims: { sub: disabled, ver: 2 } }),
    'token of an earlier password': forgeToken({ claims: { sub, ver: 0 } }),
    'revoked key': revoked.text,
    'expired key': expired.text,
    'unknown key': createKeyText().text,
    'wrong secret': keyText(good.id, 'a'.repeat(64)),
    'mistyped key': good.text.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
  };
  const headers = Object.entries(tokens).map(([name, token]) => [name, `Bearer ${token}`]);
  return {
    'no token': undefined,
    'basic credentials': `Basic ${Buffer.from('admin:admin').toString('base64')}`,
    ...(Object.fromEntries(headers) as Record<string, string>),
  };
}

/** Of a password that nobody knows. */
const PASSWORD_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$GgqMFzIuSES2ob4dIc/f7A$h5MfFuTfhyfX1649kOloTFuAs4c2CElDJ0C6VDQ7eQA';

async function newUser(pool: Pool, rights: { role: Role; scope: TenantScope }): Promise<string> {
  const username = `user-${randomUUID()}`;
  await addUser(pool, { username, passwordHash: PASSWORD_HASH, ...rights }, SOURCE);
  return username;
}

/** Writes a key as `pulse keys create` does. */
export async function newKey(pool: Pool, rights: { role: Role; scope: TenantScope }) {
  const { text, credentials } = createKeyText();
  const key = { name: 'test', lifeSeconds: 3_600, source: SOURCE, ...rights };
  return { text, id: (await insertKey(pool, credentials, key)).id };
}
