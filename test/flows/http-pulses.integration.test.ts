import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { format, goodPulse, toRequest, type GoodPulse } from '../sending/sent-requests.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { openFlow, PASSWORD } from './flow-fixture.ts';
import { loginToApi } from '../support/api-client.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

/** The expected sums, by tenant, SKU and unit. */
function sumsOf(pulses: readonly GoodPulse[]): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { tenant, product_sku, use_unity, nanos } of pulses) {
    const key = JSON.stringify([tenant, product_sku, use_unity]);
    sums.set(key, (sums.get(key) ?? 0n) + nanos);
  }
  return sums;
}

function nanosOf(amount: string): bigint {
  const [whole = '', fraction = ''] = amount.split('.');
  return BigInt(whole) * 10n ** 9n + BigInt(fraction.padEnd(9, '0'));
}

test('what HTTP accepts ends up in Postgres: amounts exact to the ninth decimal, texts unchanged', async () => {
  const flow = await openFlow();
  const { ready } = await flow.start('start');
  const api = await loginToApi({
    api: ready.api!,
    username: ready.username!,
    password: PASSWORD,
  });
  let settled = 0;
  let run = 0;
  const request = fc.tuple(fc.array(goodPulse, { minLength: 1, maxLength: 40 }), format);
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 5, maxLength: 10 }), async (requests) => {
      const mark = `run ${++run} `;
      const sent: GoodPulse[] = [];
      for (const [index, [given, how]] of requests.entries()) {
        // Every pulse must count, so repeated ids and events without an id get a unique one.
        const pulses = given.map((pulse, place) => ({
          ...pulse,
          tenant: mark + pulse.tenant,
          ...(pulse.id === undefined && !how.startsWith('batch')
            ? {}
            : { id: `${index} ${place} ${pulse.id ?? ''}` }),
        }));
        const { headers, payload } = toRequest(pulses, how);
        const answer = await api.request<{ accepted: number }>('/pulses', {
          method: 'POST',
          headers,
          body: payload as string,
        });
        expect([answer.status, answer.body.accepted]).toEqual([202, pulses.length]);
        sent.push(...pulses);
      }
      settled += sent.length;
      await flow.settled({ counted: settled });
      await flow.flush();
      const rows = await api.rows({ limit: '1000' });
      const sums = new Map<string, bigint>();
      for (const { tenant, product_sku, use_unity, used_amount } of rows) {
        if (!tenant.startsWith(mark)) continue;
        const key = JSON.stringify([tenant, product_sku, use_unity]);
        sums.set(key, (sums.get(key) ?? 0n) + nanosOf(used_amount));
      }
      expect(sums).toEqual(sumsOf(sent));
    }),
    // A run takes seconds, and a smaller counterexample would not say much more than the first one.
    { numRuns: 4, endOnFailure: true },
  );
  const books = await flow.verify();
  expect(books).toMatchObject({ counted: settled, duplicates: 0, deadLetters: 0, drift: 0 });
});
