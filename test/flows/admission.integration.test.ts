import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { putCustomer } from '../../src/catalog/catalog-query.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { listUnsubscribed } from '../../src/subscriptions/admission-query.ts';
import {
  changeSubscription,
  purchaseSubscription,
  type ChangeTransaction,
} from '../../src/subscriptions/change-subscription.ts';
import { eventually } from '../support/eventually.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { sentPulse } from '../support/pulses.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { openFlow, type Flow } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const ORIGIN = { cause: 'command', changedBy: 'test' } as const;
const HOUR_MS = 3_600_000;
const hoursAgo = (hours: number) => new Date(Date.now() - hours * HOUR_MS);

type Worker = Awaited<ReturnType<Flow['start']>>;

/** A flow whose database holds the tenant acme, with a subscription since yesterday. */
async function openAdmissionFlow() {
  const flow = await openFlow();
  await flow.flush();
  const pool = new Pool({ connectionString: flow.env.DATABASE_URL, max: 2 });
  pool.on('error', () => undefined);
  onTestFinished(() => pool.end());
  const change = <Result>(work: (transaction: ChangeTransaction) => Promise<Result>) =>
    withTransaction(pool, (client) =>
      work({ client, publish: () => Promise.resolve(), prefix: '' }),
    );
  const purchase = async (tenant: string, sku?: string) => {
    const id = randomUUID();
    await putCustomer(pool, { id: `customer-${tenant}`, name: tenant, email: null, tenant });
    const request = { id, userId: `customer-${tenant}`, sku, effectiveAt: hoursAgo(24) };
    await change((client) => purchaseSubscription(client, request, ORIGIN));
    return id;
  };
  return {
    flow,
    purchase,
    acme: await purchase('acme', 'vm.small'),
    cancel: (id: string, effectiveAt: Date) =>
      change((client) => changeSubscription(client, { id, kind: 'canceled', effectiveAt }, ORIGIN)),
    moveCustomer: (from: string, tenant: string) =>
      putCustomer(pool, { id: `customer-${from}`, name: from, email: null, tenant }),
    /** Sends pulses that were used `hours` ago. */
    send: (count: number, changes: object = {}, hours = 1) =>
      flow.producer.publish(
        Array.from({ length: count }, () => ({
          body: JSON.stringify(
            sentPulse({ id: randomUUID(), timestamp: hoursAgo(hours).toISOString(), ...changes }),
          ),
        })),
      ),
    unsubscribed: async () =>
      (await listUnsubscribed(pool, { scope: 'all', limit: 10 })).map(
        ({ tenant, sku, pulseCount }) => ({ tenant, sku, pulseCount }),
      ),
  };
}

async function metricsOf(worker: Worker): Promise<string> {
  return (await fetch(`${worker.ready.metrics}/metrics`)).text();
}

/** Resolves after a read of the subscriptions that began after this call. */
async function read(worker: Worker): Promise<void> {
  const askedAtMs = performance.now();
  await eventually(async () => {
    const metrics = await metricsOf(worker);
    const age = /^pulse_admission_snapshot_age_seconds (.*)$/m.exec(metrics)?.[1];
    return Number(age) * 1000 < performance.now() - askedAtMs - 100;
  }).toBe(true);
}

test('without ADMISSION every pulse is counted, and nobody is reported', async () => {
  const { flow, send, unsubscribed } = await openAdmissionFlow();
  const worker = await flow.start('worker');
  await send(20);
  await send(10, { tenant: 'stranger' });
  await flow.settled({ counted: 30 });
  expect(await metricsOf(worker)).not.toContain('pulse_admission_snapshot_age_seconds ');
  worker.signal('SIGTERM');
  await worker.ended;
  expect(await unsubscribed()).toEqual([]);
  expect(await flow.deadLetters()).toEqual([]);
});

test('observe counts every pulse, and reports tenants without a subscription', async () => {
  const { flow, send, unsubscribed } = await openAdmissionFlow();
  const worker = await flow.start('worker', { ADMISSION: 'observe' });
  await send(20);
  await send(10, { tenant: 'stranger' });
  await send(5, { product_sku: 'disk' });
  await flow.settled({ counted: 35 });
  await eventually(unsubscribed).toEqual([
    { tenant: 'acme', sku: 'disk', pulseCount: 5 },
    { tenant: 'stranger', sku: 'vm.small', pulseCount: 10 },
  ]);
  const metrics = await metricsOf(worker);
  expect(metrics).toMatch(/^pulse_admission_pulses_total\{outcome="unsubscribed"\} 15$/m);
  expect(metrics).toMatch(/^pulse_admission_snapshot_age_seconds \d/m);
  expect(await flow.deadLetters()).toEqual([]);
});

test('enforce quarantines, and a purchase admits the pulses that are sent after it at once', async () => {
  const { flow, send, purchase, unsubscribed } = await openAdmissionFlow();
  await flow.start('worker', { ADMISSION: 'enforce' });
  await send(20);
  await send(10, { tenant: 'stranger' });
  await flow.settled({ counted: 20, deadLetters: 10 });
  await eventually(async () => (await flow.deadLetters()).map(({ reason }) => reason)).toEqual(
    Array.from({ length: 10 }, () => 'no_subscription'),
  );
  await eventually(unsubscribed).toEqual([{ tenant: 'stranger', sku: 'vm.small', pulseCount: 10 }]);
  await purchase('stranger');
  await send(10, { tenant: 'stranger' });
  await flow.settled({ counted: 30 });
  await flow.call(['dead-letters', 'replay', '--reason', 'no_subscription', '--rate', '100']);
  await flow.settled({ counted: 40 });
  expect(await flow.verify()).toMatchObject({ counted: 40, duplicates: 0, balanced: true });
});

test('a cancellation and a moved customer are followed without a restart; what was used before counts', async () => {
  const { flow, acme, cancel, send, purchase, moveCustomer } = await openAdmissionFlow();
  await purchase('mover');
  const worker = await flow.start('worker', { ADMISSION: 'enforce' });
  await send(10);
  await flow.settled({ counted: 10 });
  await cancel(acme, hoursAgo(2));
  await moveCustomer('mover', 'moved');
  await read(worker);
  await send(5, {}, 1);
  await send(5, {}, 3);
  await send(5, { tenant: 'mover' });
  await send(5, { tenant: 'moved' });
  await flow.settled({ counted: 20, deadLetters: 10 });
  expect(await flow.verify()).toMatchObject({ counted: 20, deadLetters: 10, balanced: true });
});

test('while Postgres is unavailable nothing is refused and the last subscriptions decide', async () => {
  const { flow, send } = await openAdmissionFlow();
  const proxy = await startTcpProxy(flow.env.DATABASE_URL!);
  onTestFinished(() => proxy.close());
  const worker = await flow.start('worker', { ADMISSION: 'enforce', DATABASE_URL: proxy.url });
  proxy.cut();
  await send(10);
  await send(10, { tenant: 'stranger' });
  await flow.settled({ counted: 20 });
  await eventually(() => metricsOf(worker)).toMatch(
    /^pulse_admission_pulses_total\{outcome="unverified"\} 10$/m,
  );
  proxy.heal();
  await read(worker);
  await send(10, { tenant: 'stranger' });
  await flow.settled({ counted: 20, deadLetters: 10 });
});
