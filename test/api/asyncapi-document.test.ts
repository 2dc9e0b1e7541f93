import { Ajv2020 } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import fc from 'fast-check';
import { format, resolveConfig } from 'prettier';
import { describe, expect, test } from 'vitest';
import { asyncApiDocument } from '../../src/api/asyncapi-document.ts';
import { QueuedPulse, QueuedPulses } from '../../src/contract/queued-pulse-schema.ts';
import { TENANT_LENGTH_MAX, UNIT_LENGTH_MAX } from '../../src/contract/rules.ts';
import { parseTimestamp } from '../../src/core/timestamp.ts';
import { parsePulse } from '../../src/contract/parse-pulse.ts';
import { arbitraryKeyText, arbitraryNanos, decimalOf, sentPulse } from '../support/pulses.ts';
import { lintDescription } from './lint-description.ts';
import { describeDeadLettersQueue } from '../../src/quarantine/quarantine-queue.ts';
import { describeOrderQueues } from '../../src/orders/orders-asyncapi.ts';
import { describeSubscriptionQueues } from '../../src/subscriptions/subscriptions-asyncapi.ts';
import { describeEventQueues } from '../../src/events/events-asyncapi.ts';
import { describePulsesQueue } from '../../src/sending/pulses-queue.ts';

const DOCUMENT = asyncApiDocument([
  describePulsesQueue('pulses'),
  describeDeadLettersQueue('pulses'),
  describeOrderQueues(''),
  describeSubscriptionQueues(''),
  describeEventQueues(''),
]);

describe('the AsyncAPI document', () => {
  test('passes the linter', async () => {
    expect(await lintDescription(DOCUMENT, {})).toEqual([]);
  });

  test('is the one in docs/asyncapi.json', async () => {
    const path = 'docs/asyncapi.json';
    const options = { ...(await resolveConfig(path)), filepath: path };
    const text = await format(JSON.stringify(DOCUMENT), options);
    // After an intended change: npx vitest run --project unit test/api/asyncapi-document.test.ts --update
    await expect(text).toMatchFileSnapshot(`../../${path}`);
  });

  test('has examples that follow its own rules', () => {
    const { messages } = DOCUMENT.components as unknown as {
      messages: Record<string, { examples: { payload: unknown }[] }>;
    };
    expect(isQueued(messages.pulse!.examples[0]!.payload)).toBe(true);
    expect(areQueued(messages.pulses!.examples[0]!.payload)).toBe(true);
  });
});

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
ajvFormats.default(ajv);
const isQueued = ajv.compile(JSON.parse(JSON.stringify(QueuedPulse)));
const areQueued = ajv.compile(JSON.parse(JSON.stringify(QueuedPulses)));

describe('the schema of a queued pulse agrees with ingest', () => {
  const NOW = Date.UTC(2026, 10, 22, 4);
  const counts = (pulse: unknown) =>
    parsePulse(pulse, {
      fallbackId: undefined,
      messageTimeSec: undefined,
      receivedAtMs: NOW,
      // The schema does not know the current time.
      ageMaxMs: Infinity,
      windowSeconds: 3_600,
      aheadMaxMs: Infinity,
      source: () => JSON.stringify(pulse),
    }).ok;

  const amountText = fc.oneof(
    arbitraryNanos.map(decimalOf),
    fc.stringMatching(/^-?0{0,3}\d{0,17}(\.\d{0,11}0{0,3})?$/),
    fc.constantFrom('0', '000', '0.0', '00.000', '0.000000000'),
    // Around the limits, because random texts rarely have such lengths.
    fc
      .tuple(fc.integer({ min: 12, max: 17 }), fc.integer({ min: 0, max: 11 }))
      .map(([whole, decimals]) =>
        `${'9'.repeat(whole)}.${'1'.repeat(decimals)}`.replace(/\.$/, ''),
      ),
    fc.string(),
  );
  const key = fc.oneof(
    arbitraryKeyText(TENANT_LENGTH_MAX),
    fc.string({ unit: 'binary', maxLength: 140 }),
    fc.constantFrom(
      ...[UNIT_LENGTH_MAX, UNIT_LENGTH_MAX + 1, TENANT_LENGTH_MAX, TENANT_LENGTH_MAX + 1].map(
        (length) => 'x'.repeat(length),
      ),
    ),
    fc.constantFrom(
      '',
      '\u0000',
      '\u007f',
      '\u009f',
      '\ud800',
      'x\udc00',
      '😀'.repeat(TENANT_LENGTH_MAX),
    ),
  );
  const anything = fc.oneof(fc.constant(null), fc.boolean(), fc.array(fc.string()), fc.object());
  const mostly = (usual: fc.Arbitrary<unknown>) =>
    fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: anything });
  // One member at a time, because a second wrong one would hide its effect.
  const sent = fc
    .oneof(
      ...['tenant', 'product_sku', 'use_unity', 'id'].map((name) =>
        fc.record({ [name]: mostly(key) }),
      ),
      fc.record({ used_amount: mostly(amountText) }),
      fc.constantFrom('tenant', 'product_sku', 'use_unity', 'used_amount', 'id').map((name) => ({
        [name]: undefined,
      })),
    )
    .map((changes) => JSON.parse(JSON.stringify(sentPulse(changes))) as unknown);

  test('about every text, amount and absence', () => {
    fc.assert(
      fc.property(sent, (pulse) => {
        expect(isQueued(pulse)).toBe(counts(pulse));
      }),
      { numRuns: 2_000 },
    );
  });

  test('about numbers of at most 15 digits', () => {
    const numbers = fc.oneof(fc.integer(), fc.integer({ min: -10, max: 10 }), fc.constant(1e15));
    fc.assert(
      fc.property(numbers, (used_amount) => {
        const pulse = sentPulse({ used_amount });
        expect(isQueued(pulse)).toBe(counts(pulse));
      }),
    );
  });

  test('about instants', () => {
    for (const timestamp of ['2026-11-22T04:10:00Z', '2026-11-22T04:10:00.5+02:00', 'yesterday']) {
      expect(isQueued(sentPulse({ timestamp }))).toBe(parseTimestamp(timestamp) !== undefined);
    }
  });

  test('about bodies that are not a pulse', () => {
    for (const value of [null, [], 'text', 7]) expect(isQueued(value)).toBe(counts(value));
  });
});
