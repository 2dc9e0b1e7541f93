import { describe, expect, test, vi } from 'vitest';
import type { AdmissionMode, AdmissionRow } from '../../src/contract/admission.ts';
import type { Publication } from '../../src/contract/publication.ts';
import { TransientError } from '../../src/core/errors.ts';
import { createThreadAdmission, type ThreadAdmission } from '../../src/ingest/admission.ts';
import { createBatchOpener } from '../../src/ingest/batch.ts';
import { settleBatch } from '../../src/ingest/settle-batch.ts';
import { BODY_LIMITS } from '../contract/body-outcomes.ts';
import { sentPulse } from '../support/pulses.ts';
import { deliveryOf } from './delivery.ts';
import { fakes } from './settle-fixture.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 4, 10);
const ACME: AdmissionRow = {
  id: 'one',
  tenant: 'acme',
  sku: 'vm.small',
  intervals: [NOW_MS - 10_000, NOW_MS],
};
const STRANGER: AdmissionRow = { ...ACME, id: 'two', tenant: 'stranger', intervals: [0, Infinity] };
const OPTIONS = { batchSize: 100, shards: 1, dedupeSecret: 'secret', limits: BODY_LIMITS };
const acme = (changes: object = {}) =>
  sentPulse({ timestamp: new Date(NOW_MS - 1).toISOString(), ...changes });
const stranger = (changes: object = {}) => sentPulse({ tenant: 'stranger', ...changes });

/** An admission whose main thread answers each request by `answer`. */
function admissionOf(mode: AdmissionMode, answer: (admission: ThreadAdmission) => boolean) {
  const admission: ThreadAdmission = createThreadAdmission({ mode, rows: [ACME] }, (ticket) => {
    setImmediate(() => {
      admission.answer(ticket, answer(admission));
    });
  });
  return admission;
}

async function settle(admission: ThreadAdmission, bodies: readonly unknown[]) {
  const openBatch = createBatchOpener(OPTIONS, admission);
  const batch = openBatch();
  for (const [index, body] of bodies.entries()) {
    batch.add(deliveryOf(body, { tag: index + 1 }), NOW_MS);
  }
  // As in production: a later batch may be open when this one is settled.
  openBatch();
  const { deps, published, stopping, log } = fakes();
  const settled = settleBatch(batch, { ...deps, admission });
  return { settled, published, stopping, log, counts: await settled.catch(() => undefined) };
}

const reasonsOf = (published: readonly Publication[]) =>
  published.map(({ headers }) => headers?.['x-pulse-reason']);

describe('a batch', () => {
  test('asks again for a key that was admitted once subscriptions have changed', () => {
    const rows = [{ ...ACME, intervals: [0, Infinity] }];
    const admission = createThreadAdmission({ mode: 'observe', rows }, () => undefined);
    const openBatch = createBatchOpener(OPTIONS, admission);
    const unadmittedOf = () => {
      const batch = openBatch();
      batch.add(deliveryOf([acme(), acme()]), NOW_MS);
      return batch.unadmitted.length;
    };
    expect([unadmittedOf(), unadmittedOf()]).toEqual([0, 0]);
    admission.apply([{ ...ACME, intervals: [] }]);
    expect(unadmittedOf()).toBe(2);
    admission.apply(rows);
    expect(unadmittedOf()).toBe(0);
  });

  test('in whose window a subscription ends asks for every pulse', () => {
    const admission = createThreadAdmission({ mode: 'observe', rows: [ACME] }, () => undefined);
    const batch = createBatchOpener(OPTIONS, admission)();
    const at = (ms: number) => acme({ timestamp: new Date(ms).toISOString() });
    batch.add(deliveryOf([NOW_MS - 10_001, NOW_MS - 10_000, NOW_MS - 1, NOW_MS].map(at)), NOW_MS);
    expect(batch.unadmitted.map(({ index }) => index)).toEqual([0, 3]);
  });
});

describe('observe', () => {
  test('counts every pulse, and reports those without a subscription by tenant and SKU', async () => {
    const admission = admissionOf('observe', () => true);
    const bodies = [acme(), [stranger(), acme(), stranger({ product_sku: 'disk' })], stranger()];
    const { counts, published } = await settle(admission, bodies);
    expect(counts).toMatchObject({ appended: 5, unsubscribed: 3, unverified: 0 });
    expect([...(counts?.unsubscribedUsages.values() ?? [])]).toEqual([
      { tenant: 'stranger', sku: 'vm.small', pulseCount: 2 },
      { tenant: 'stranger', sku: 'disk', pulseCount: 1 },
    ]);
    expect(published).toEqual([]);
  });
});

describe('enforce', () => {
  test('dead-letters what has no subscription, each pulse with its own text, and counts the rest', async () => {
    const admission = admissionOf('enforce', () => true);
    const bad = JSON.stringify(stranger({ id: 'x' }));
    const { counts, published } = await settle(admission, [`[${JSON.stringify(acme())},${bad}]`]);
    expect(counts).toMatchObject({
      received: 2,
      appended: 1,
      unsubscribed: 1,
      deadLettered: { no_subscription: 1 },
    });
    expect(reasonsOf(published)).toEqual(['no_subscription']);
    expect(published[0]?.body.toString()).toBe(bad);
    expect(published[0]?.headers).toMatchObject({
      'x-pulse-index': 1,
      'x-pulse-detail': 'The tenant had no subscription for this SKU at 2026-11-22T04:10:00.000Z.',
    });
  });

  test('a pulse used before the cancellation counts, one used at its instant does not', async () => {
    const admission = admissionOf('enforce', () => true);
    const late = acme({ timestamp: new Date(NOW_MS).toISOString() });
    const { counts } = await settle(admission, [acme(), late]);
    expect(counts).toMatchObject({ appended: 1, deadLettered: { no_subscription: 1 } });
  });

  test('a subscription that was purchased since the last read admits the pulses that follow it', async () => {
    const admission = admissionOf('enforce', (own) => {
      own.apply([STRANGER]);
      return true;
    });
    const { counts, published } = await settle(admission, [acme(), stranger(), [stranger()]]);
    expect(counts).toMatchObject({ received: 3, appended: 3, unsubscribed: 0, unverified: 0 });
    expect(published).toEqual([]);
  });

  test('while subscriptions cannot be read, nothing is refused', async () => {
    const admission = admissionOf('enforce', () => false);
    const { counts, published } = await settle(admission, [acme(), stranger()]);
    expect(counts).toMatchObject({ appended: 2, unsubscribed: 0, unverified: 1 });
    expect(published).toEqual([]);
  });

  test('a batch in which every pulse is admitted asks for nothing', async () => {
    const answer = vi.fn(() => true);
    const { counts } = await settle(admissionOf('enforce', answer), [acme()]);
    expect(counts).toMatchObject({ appended: 1 });
    expect(answer).not.toHaveBeenCalled();
  });

  test('a batch that waits when the connection is lost is neither refused nor counted', async () => {
    const admission = createThreadAdmission({ mode: 'enforce', rows: [] }, () => undefined);
    const openBatch = createBatchOpener(OPTIONS, admission);
    const batch = openBatch();
    batch.add(deliveryOf(stranger()), NOW_MS);
    const { deps, log, stopping } = fakes();
    const settled = settleBatch(batch, { ...deps, admission });
    stopping.abort();
    await expect(settled).rejects.toThrow(TransientError);
    expect(log).toEqual(['folded']);
  });
});
