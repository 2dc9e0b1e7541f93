import { expect, test, vi } from 'vitest';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { openFlow } from './flow-fixture.ts';
import { sumsOfPulses, sumsOfRows, windowOf } from './sums.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const AWKWARD = [
  'a:b|c"😀',
  String.raw`\N`,
  String.raw`\.`,
  String.raw`tab\tno tab`,
  String.raw`ends with \ `.trim(),
  `it's "quoted", 100%`,
  '{0}:live',
  'é',
  'e\u0301',
  ' leading and trailing ',
  'NULL',
  '\u2028',
  "'; DROP TABLE pulses; --",
  '漢字 🏳️‍🌈 ‮rtl',
];
/** As written in JSON; the expected sum ignores the quotes. */
const AMOUNTS = [
  '"0.000000001"',
  '"999999999999999.999999999"',
  '0.1',
  '0.2',
  '3.5',
  '1e-7',
  '"12345678901234.123456789"',
  '123456789012345',
  '"1"',
  '0.000000001',
];
const HOURS = [1, 2, 26].map((hours) => new Date(Date.now() - hours * 3_600_000).toISOString());

interface Sent {
  readonly tenant: string;
  readonly product_sku: string;
  readonly use_unity: string;
  readonly used_amount: string;
  readonly windowStartSec: number;
  readonly json: string;
}

/** Combines every awkward text with every amount, rotating the texts through the parts of a key. */
function everything(): Sent[] {
  return AWKWARD.flatMap((tenant, index) =>
    AMOUNTS.map((amount, amountIndex): Sent => {
      const product_sku = AWKWARD[(index + 3) % AWKWARD.length]!;
      const use_unity = AWKWARD[(index + amountIndex) % 3]!;
      const timestamp = HOURS[amountIndex % HOURS.length]!;
      const rest = JSON.stringify({ tenant, product_sku, use_unity, timestamp });
      return {
        tenant,
        product_sku,
        use_unity,
        used_amount: amount === '1e-7' ? '0.0000001' : amount.replaceAll('"', ''),
        windowStartSec: windowOf(timestamp),
        json: `${rest.slice(0, -1)},"used_amount":${amount}}`,
      };
    }),
  );
}

test('the API returns what any AMQP client publishes, exact to the ninth decimal', async () => {
  const flow = await openFlow();
  const sent = everything();
  const third = Math.floor(sent.length / 3);
  const [alone, byDefaultExchange, together] = [
    sent.slice(0, third),
    sent.slice(third, 2 * third),
    sent.slice(2 * third),
  ];
  await flow.start('worker');
  await flow.producer.publish([
    ...alone.map(({ json }, index) => ({ body: json, options: { messageId: `alone ${index}` } })),
    ...byDefaultExchange.map(({ json }) => ({ body: json, exchange: '' })),
    {
      body: `[${together.map(({ json }) => json).join(',\n ')}]`,
      options: { messageId: 'together' },
    },
    // Once more under the same message id: none of it may be counted.
    {
      body: `[${together.map(({ json }) => json).join(',')}]`,
      options: { messageId: 'together' },
    },
  ]);
  await flow.settled({ counted: sent.length, duplicates: together.length });
  expect(await flow.verify()).toMatchObject({ drift: 0, deadLetters: 0, live: sent.length });

  const flushed = await flow.flush();
  expect(flushed.pulseCount).toBe(sent.length);
  const api = await flow.openApi();
  const rows = await api.rows({ limit: '7' });
  expect(sumsOfRows(rows)).toEqual(sumsOfPulses(sent));
  expect(new Set(rows.map(({ id }) => id)).size).toBe(flushed.rowCount);

  for (const tenant of AWKWARD) {
    const ofTenant = await api.rows({ tenant });
    expect(sumsOfRows(ofTenant)).toEqual(
      sumsOfPulses(sent.filter((pulse) => pulse.tenant === tenant)),
    );
  }
  const [one] = sent as [Sent];
  const { product_sku, use_unity } = one;
  const from = new Date(one.windowStartSec * 1000).toISOString();
  const to = new Date((one.windowStartSec + 3600) * 1000).toISOString();
  const filtered = await api.rows({ product_sku, use_unity, from, to });
  expect(sumsOfRows(filtered)).toEqual(
    sumsOfPulses(
      sent.filter(
        (pulse) =>
          pulse.product_sku === product_sku &&
          pulse.use_unity === use_unity &&
          pulse.windowStartSec === one.windowStartSec,
      ),
    ),
  );
});
