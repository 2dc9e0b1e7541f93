import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkPulse } from '../../src/sending/check-pulse.ts';
import type { RecordMediaType } from '../../src/http/sent-records.ts';
import { readBody as readRequest } from '../../src/sending/read-body.ts';
import { BODY_LIMITS, readBody as readMessage } from '../contract/body-outcomes.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 4, 10);

/** The queue's verdict on a message: amounts and hours, or reasons. */
function queueJudges(body: string): unknown[] {
  return readMessage(body, { receivedAtMs: NOW_MS }).map(({ pulse, reason }) =>
    pulse === undefined ? reason : [pulse.amount, pulse.windowStartSec],
  );
}

/** The queue's verdict on the pulses of a request that HTTP accepts, or the reasons of HTTP. */
function httpJudges(body: string, mediaType: RecordMediaType = 'application/json'): unknown[] {
  const context = { limits: BODY_LIMITS, receivedAtMs: NOW_MS, tenants: 'all', newId: () => 'new' };
  return readRequest({ mediaType, headers: {}, body: Buffer.from(body) }).flatMap((sent) => {
    const checked = checkPulse(sent, { ...context, tenants: 'all' });
    return checked.ok ? queueJudges(checked.text) : checked.refusal.code;
  });
}

const pulse = (amount: string, timestamp = '2026-11-22T04:00:00Z'): string =>
  `{"tenant":"a","product_sku":"b","use_unity":"c","id":"d","used_amount":${amount},"timestamp":${JSON.stringify(timestamp)}}`;

const digits = (max: number) => fc.stringMatching(new RegExp(`^[0-9]{1,${max}}$`));
const number = fc
  .record({
    sign: fc.constantFrom('', '-'),
    whole: fc.oneof(fc.constant('0'), fc.stringMatching(/^[1-9][0-9]{0,17}$/)),
    fraction: fc.oneof(
      fc.constant(''),
      digits(12).map((text) => `.${text}`),
    ),
    exponent: fc.oneof(
      fc.constant(''),
      fc.integer({ min: -25, max: 25 }).map((power) => `e${power}`),
      fc.constantFrom('e400', 'E+15', 'e-0', 'e-400'),
    ),
  })
  .map(({ sign, whole, fraction, exponent }) => sign + whole + fraction + exponent);
const amount = fc.oneof(
  number,
  number.map((text) => `"${text}"`),
  fc.constantFrom('1e15', '1e14', '"1e15"', '1000000000000000', '100000000000000.0', '1e21'),
);

test('HTTP and the queue judge every amount the same, alone and next to others', () => {
  fc.assert(
    fc.property(fc.array(amount, { minLength: 1, maxLength: 4 }), (amounts) => {
      const pulses = amounts.map((text) => pulse(text));
      const alone = pulses.flatMap(queueJudges);
      const array = `[${pulses.join(', ')}]`;
      expect(queueJudges(array)).toEqual(alone);
      expect(httpJudges(array)).toEqual(alone);
      expect(pulses.flatMap((text) => httpJudges(text))).toEqual(alone);
      expect(httpJudges(pulses.join('\n'), 'application/x-ndjson')).toEqual(alone);
    }),
    { numRuns: 150 },
  );
});

test('HTTP and the queue judge every instant the same', () => {
  const instant = fc
    .tuple(fc.constantFrom('', '.', '.0', ','), fc.stringMatching(/^[0-9]{0,30}$/))
    .map(([point, fraction]) => `2026-11-22T04:00:00${point}${fraction}Z`);
  fc.assert(
    fc.property(instant, (text) => {
      expect(httpJudges(pulse('1', text))).toEqual(queueJudges(pulse('1', text)));
    }),
  );
});
