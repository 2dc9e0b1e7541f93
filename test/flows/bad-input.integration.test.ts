import { expect, test, vi } from 'vitest';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { openFlow } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const GOOD = { tenant: 'acme', product_sku: 'cpu', use_unity: 'h', used_amount: '0.000000001' };
const DAY_MS = 86_400_000;

interface BadBody {
  readonly reason: string;
  readonly body: string | Buffer;
}

function changed(reason: string, change: Readonly<Record<string, unknown>>): BadBody {
  return { reason, body: JSON.stringify({ ...GOOD, ...change }) };
}

/** A `used_amount` in a form that JSON.stringify would not write. */
function amount(reason: string, literal: string): BadBody {
  return { reason, body: JSON.stringify(GOOD).replace('"0.000000001"', literal) };
}

function daysFromNow(days: number): string {
  return new Date(Date.now() + days * DAY_MS).toISOString();
}

const BAD: readonly BadBody[] = [
  { reason: 'malformed_json', body: '{"tenant":"acme",' },
  { reason: 'malformed_json', body: '' },
  { reason: 'malformed_json', body: 'tenant=acme' },
  { reason: 'malformed_json', body: Buffer.from([0x22, 0xff, 0xfe, 0x22]) },
  amount('malformed_json', 'NaN'),
  { reason: 'not_an_object', body: '42' },
  { reason: 'not_an_object', body: 'null' },
  { reason: 'empty_array', body: '[]' },
  {
    reason: 'array_too_long',
    body: `[${Array(1_001).fill(JSON.stringify(GOOD)).join()}]`,
  },
  { reason: 'body_too_large', body: Buffer.alloc(10 * 1024 * 1024, ' ') },
  changed('invalid_tenant', { tenant: '' }),
  changed('invalid_tenant', { tenant: undefined }),
  changed('invalid_tenant', { tenant: 7 }),
  changed('invalid_tenant', { tenant: 'a\tb' }),
  changed('invalid_tenant', { tenant: 'nul\u0000' }),
  changed('invalid_tenant', { tenant: 'x'.repeat(129) }),
  changed('invalid_product_sku', { product_sku: ['cpu'] }),
  changed('invalid_product_sku', { product_sku: 'line\nbreak' }),
  changed('invalid_use_unity', { use_unity: null }),
  changed('invalid_use_unity', { use_unity: 'x'.repeat(65) }),
  changed('invalid_used_amount', { used_amount: 'NaN' }),
  changed('invalid_used_amount', { used_amount: true }),
  changed('invalid_used_amount', { used_amount: '' }),
  changed('amount_not_positive', { used_amount: '-1' }),
  changed('amount_not_positive', { used_amount: 0 }),
  amount('amount_out_of_range', '1e30'),
  changed('amount_out_of_range', { used_amount: `1${'0'.repeat(30)}` }),
  changed('amount_too_precise', { used_amount: `0.${'3'.repeat(20)}` }),
  amount('amount_too_precise', '1234567890.1234567'),
  changed('invalid_id', { id: '' }),
  changed('invalid_id', { id: 12 }),
  changed('invalid_timestamp', { timestamp: 'yesterday' }),
  changed('invalid_timestamp', { timestamp: 1_763_780_400 }),
  changed('invalid_timestamp', { timestamp: '2026-02-30T00:00:00Z' }),
  changed('timestamp_too_old', { timestamp: daysFromNow(-36) }),
  changed('timestamp_in_future', { timestamp: daysFromNow(1) }),
];

test('every kind of bad pulse is kept with reason, body and headers, and the good ones around it count', async () => {
  const flow = await openFlow();
  await flow.start('worker');
  await flow.producer.publish(
    BAD.flatMap(({ body }, index) => [
      {
        body,
        options: {
          messageId: `bad ${index}`,
          contentType: 'application/json',
          headers: { 'x-source': 'a producer', 'x-attempt': index },
        },
      },
      { body: JSON.stringify({ ...GOOD, id: `good ${index}` }) },
    ]),
  );
  await flow.settled({ counted: BAD.length, deadLetters: BAD.length });

  const deadLetters = await flow.deadLetters();
  const byMessageId = new Map(deadLetters.map((letter) => [letter.message_id, letter]));
  for (const [index, { reason, body }] of BAD.entries()) {
    const letter = byMessageId.get(`bad ${index}`);
    const shown = body.length < 200 ? String(body) : `${body.length} bytes`;
    expect.soft(letter?.reason, shown).toBe(reason);
    expect.soft(letter?.body.equals(Buffer.from(body as string)), shown).toBe(true);
    expect.soft(letter?.detail, shown).toMatch(/\w/);
    expect.soft(letter?.headers, shown).toMatchObject({
      messageId: `bad ${index}`,
      contentType: 'application/json',
      headers: { 'x-source': 'a producer', 'x-attempt': index },
    });
  }
  expect(await flow.verify()).toMatchObject({
    counted: BAD.length,
    duplicates: 0,
    deadLetters: BAD.length,
    drift: 0,
  });
});

test('each pulse of an array is judged alone: bad ones are quarantined, the others count', async () => {
  const flow = await openFlow();
  await flow.start('worker');
  const elements = Array.from({ length: 1_000 }, (_, index) =>
    index % 100 === 7
      ? `{ "tenant": "acme", "product_sku": "cpu", "use_unity": "h", "used_amount": -${index} }`
      : JSON.stringify(GOOD),
  );
  await flow.producer.publish([
    { body: `[ ${elements.join(' , ')} ]`, options: { messageId: 'array' } },
  ]);
  await flow.settled({ counted: 990, deadLetters: 10 });

  const deadLetters = await flow.deadLetters();
  deadLetters.sort((one, other) => one.pulse_index! - other.pulse_index!);
  expect(
    deadLetters.map(({ reason, body, pulse_index, message_id }) => ({
      reason,
      body: String(body),
      pulse_index,
      message_id,
    })),
  ).toEqual(
    [7, 107, 207, 307, 407, 507, 607, 707, 807, 907].map((index) => ({
      reason: 'amount_not_positive',
      body: elements[index],
      pulse_index: index,
      message_id: 'array',
    })),
  );
  await flow.flush();
  const rows = await (await flow.openApi()).rows();
  expect(rows.map(({ used_amount, pulse_count }) => [used_amount, pulse_count])).toEqual([
    ['0.00000099', 990],
  ]);
});
