import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Pulse } from '../../src/contract/pulse.ts';
import { toNanos } from '../support/pulses.ts';
import { send, takePulses, useSendFixture } from './send-fixture.ts';
import { format, goodPulse, hostileRequest, toRequest, type GoodPulse } from './sent-requests.ts';

const fixture = useSendFixture();

/** What no answer may contain: a stack trace, a path, SQL, a driver's message. */
const INSIDES =
  /\bat \S+ \(|node_modules|\.ts:\d|\.js:\d|INSERT INTO|SELECT |pg_|ECONN|syntax error at/;

test('valid pulses arrive complete, in every format and notation', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(goodPulse, { minLength: 1, maxLength: 20 }),
      format,
      async (pulses, how) => {
        const { headers, payload } = toRequest(pulses, how);
        const { status, body } = await send(fixture, payload, { headers });
        expect([status, body.accepted], JSON.stringify(body)).toEqual([202, pulses.length]);
        const taken = await takePulses(fixture);
        expect(taken.map(toComparable)).toEqual(pulses.map(expected));
        expect(taken.map(({ id }) => id)).toEqual(body.outcomes.map(({ id }) => id));
      },
    ),
    { numRuns: 150 },
  );
});

test('no input causes a 500 or reveals internals, and accepted pulses can be counted', async () => {
  await fc.assert(
    fc.asyncProperty(hostileRequest, async ({ headers, payload }) => {
      const { status, body, headers: answered } = await send(fixture, payload, { headers });
      expect([202, 400, 409, 413, 415, 422]).toContain(status);
      expect(JSON.stringify(body)).not.toMatch(INSIDES);
      const isReplayed = answered['idempotent-replayed'] === 'true';
      const taken = await takePulses(fixture);
      expect(taken).toHaveLength(status === 202 && !isReplayed ? body.accepted : 0);
    }),
    { numRuns: 1_000 },
  );
});

function toComparable({ tenant, sku, unit, amount }: Pulse) {
  return { tenant, sku, unit, nanos: toNanos(amount) };
}

function expected({ tenant, product_sku, use_unity, nanos }: GoodPulse) {
  return { tenant, sku: product_sku, unit: use_unity, nanos };
}
