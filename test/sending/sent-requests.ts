/** Requests to send pulses for property tests: good ones with their expected sums, and bad ones. */
import fc from 'fast-check';
import { SKU_LENGTH_MAX, UNIT_LENGTH_MAX } from '../../src/contract/rules.ts';
import { arbitraryKeyText, arbitraryNanos, decimalOf } from '../support/pulses.ts';

/** A pulse that must be accepted; `literal` is its amount as written in JSON. */
export interface GoodPulse {
  readonly tenant: string;
  readonly product_sku: string;
  readonly use_unity: string;
  readonly id: string | undefined;
  readonly literal: string;
  readonly nanos: bigint;
}

export interface SentRequest {
  readonly headers: Record<string, string>;
  readonly payload: string | Buffer;
}

/** What COPY, SQL, JSON, CSV or a header might stumble over; none of it has a control character. */
const HOSTILE_TEXTS = [
  '\\N',
  '\\.',
  '\\t\\n',
  '"',
  "'; DROP TABLE pulses; --",
  "' OR '1'='1",
  '$1',
  '${7*7}',
  '{{7*7}}',
  '%00',
  '=1+1',
  '<script>',
  '__proto__',
  'constructor',
  '\u2028',
  '\u200b',
  ' ',
  'NULL',
];

const keyText = (lengthMax: number) =>
  fc.oneof(fc.constantFrom(...HOSTILE_TEXTS), arbitraryKeyText(lengthMax));

/** The same amount in different spellings. */
const amount = arbitraryNanos.chain((nanos) => {
  const text = decimalOf(nanos);
  const [whole = '', fraction] = text.split('.');
  const spellings = [`"${text}"`, `"000${text}"`];
  if (fraction !== undefined) spellings.push(`"${text}00"`);
  const digits = text.replace('.', '').replace(/^0+/, '');
  if (digits.length <= 15) spellings.push(text);
  if (fraction === undefined && digits.length <= 14) spellings.push(`${whole}.0`, `${whole}0e-1`);
  return fc.constantFrom(...spellings).map((literal) => ({ nanos, literal }));
});

export const goodPulse: fc.Arbitrary<GoodPulse> = fc
  .record({
    tenant: keyText(100),
    product_sku: keyText(SKU_LENGTH_MAX),
    use_unity: keyText(UNIT_LENGTH_MAX),
    id: fc.option(
      fc
        .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
        .map((text) => `${text}\t\n`)
        .filter((text) => !/\p{Cs}/u.test(text)),
      { nil: undefined },
    ),
    amount,
  })
  .map(({ amount: { nanos, literal }, ...rest }) => ({ ...rest, nanos, literal }));

const FORMATS = ['array', 'lines', 'batch', 'batch64'] as const;
export const format = fc.constantFrom(...FORMATS);

/** The pulses in one request. */
export function toRequest(
  pulses: readonly GoodPulse[],
  how: (typeof FORMATS)[number],
): SentRequest {
  const json = (mediaType: string, payload: string): SentRequest => ({
    headers: { 'content-type': mediaType },
    payload,
  });
  switch (how) {
    case 'array':
      return json('application/json', `[${pulses.map(toJson).join(' ,\n')}]`);
    case 'lines':
      return json('application/x-ndjson', pulses.map(toJson).join('\r\n'));
    case 'batch':
    case 'batch64': {
      const events = pulses.map((pulse, index) => toEvent(pulse, index, how === 'batch64'));
      return json('application/cloudevents-batch+json', `[${events.join(',')}]`);
    }
  }
}

function toJson({ tenant, product_sku, use_unity, id, literal }: GoodPulse): string {
  return withAmount({ tenant, product_sku, use_unity, id }, literal);
}

function toEvent(pulse: GoodPulse, index: number, asBase64: boolean): string {
  const { tenant, product_sku, use_unity, literal, id = `e ${index}` } = pulse;
  const data = withAmount({ product_sku, use_unity }, literal);
  const event = { specversion: '1.0', id, source: `/fuzz/${index}`, type: 't', subject: tenant };
  const member = asBase64
    ? `"data_base64":"${Buffer.from(data).toString('base64')}"`
    : `"data":${data}`;
  return `${JSON.stringify(event).slice(0, -1)},${member}}`;
}

/** JSON with the amount exactly as it is spelt. */
function withAmount(rest: object, literal: string): string {
  return `{"used_amount":${literal},${JSON.stringify(rest).slice(1)}`;
}

const anyValue = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>('', '\u0000', '\t', 'a\nb', '\ud800', 'x'.repeat(200), 1e400, -1, 1e-30),
  fc.constantFrom<unknown>(...HOSTILE_TEXTS),
);

const MEMBERS = ['tenant', 'product_sku', 'use_unity', 'used_amount', 'id', 'timestamp'];
const ATTRIBUTES = ['specversion', 'id', 'source', 'type', 'subject', 'time', 'data'];

/** Valid except for a few members, or completely wrong. */
const nearlyGood = fc
  .record({
    base: fc.constantFrom<Record<string, unknown>>(
      { tenant: 'acme', product_sku: 's', use_unity: 'u', used_amount: '1' },
      {
        specversion: '1.0',
        id: '1',
        source: '/s',
        type: 't',
        subject: 'acme',
        data: { product_sku: 's', use_unity: 'u', used_amount: '1' },
      },
    ),
    changes: fc.dictionary(
      fc.constantFrom(...MEMBERS, ...ATTRIBUTES, 'data_base64', 'datacontenttype', '__proto__'),
      anyValue,
      { maxKeys: 3 },
    ),
  })
  .map(({ base, changes }): unknown => ({ ...base, ...changes }));

const badPayload = fc.oneof(
  nearlyGood.map((value) => JSON.stringify(value)),
  fc.array(fc.oneof(nearlyGood, anyValue), { maxLength: 5 }).map((value) => JSON.stringify(value)),
  fc
    .array(
      nearlyGood.map((value) => JSON.stringify(value)),
      { maxLength: 5 },
    )
    .map((lines) => lines.join('\n')),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.integer({ min: 1, max: 20_000 }).map((depth) => '['.repeat(depth)),
  fc
    .integer({ min: 1, max: 20_000 })
    .map((depth) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth)),
);

const headerText = fc.string({ unit: 'binary-ascii', maxLength: 40 }).map((text) => text.trim());
const eventHeaders = fc.dictionary(
  fc.constantFrom(...ATTRIBUTES.map((name) => `ce-${name}`)),
  fc.oneof(
    fc.constantFrom('1.0', '%', '%ff', '"', '"\\"', 'acme', '%09'),
    headerText.filter((text) => /^[\x20-\x7e]*$/.test(text)),
  ),
  { maxKeys: 5 },
);

/** Anything that can be sent. */
export const hostileRequest: fc.Arbitrary<SentRequest> = fc
  .record({
    payload: badPayload,
    type: fc.constantFrom(
      'application/json',
      'application/json; charset=utf-16',
      'application/x-ndjson',
      'application/cloudevents+json',
      'application/cloudevents-batch+json',
      'application/cloudevents+xml',
      'text/plain',
      'a/b/c',
    ),
    events: fc.oneof(fc.constant({}), eventHeaders),
    key: fc.oneof(
      fc.constant({}),
      fc.constantFrom('k', '', '\\N', "'; --", 'x'.repeat(500)).map((key) => ({
        'idempotency-key': key,
      })),
    ),
  })
  .map(({ payload, type, events, key }) => ({
    payload,
    headers: { ...events, ...key, 'content-type': type },
  }));
