/**
 * CloudEvents 1.0 as pulses: `source` and `id` are the identity, `subject` is the tenant, `time` is the timestamp, and
 * `data` holds `product_sku`, `use_unity` and `used_amount`.
 *
 * @see https://github.com/cloudevents/spec/tree/v1.0.2/cloudevents
 */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { memberSource } from '../core/json-source.ts';
import { parseJson } from '../core/parse-json.ts';
import { ID_LENGTH_MAX } from '../contract/rules.ts';
import { HAS_TOO_MANY_VALUES, hasTooManyValues } from '../core/json-size.ts';
import { readEventHeaders } from '../http/event-headers.ts';
import type { FieldNames, SentPulse } from './sent-pulse.ts';

type Attributes = Readonly<Record<string, unknown>>;

/** The payload: its JSON text and its value. */
interface EventPayload {
  readonly value: unknown;
  readonly source: () => string;
}

const EVENT_FIELDS: FieldNames = {
  tenant: 'subject',
  product_sku: 'data.product_sku',
  use_unity: 'data.use_unity',
  used_amount: 'data.used_amount',
  id: 'id',
  timestamp: 'time',
  body: 'data',
};

const JSON_TYPE = /^[\w.+-]+\/(?:json|[\w.-]+\+json)\s*(?:;|$)/i;
/** The characters alone: a pattern of groups of four takes half a second for two megabytes. */
const BASE64 = /^[A-Za-z\d+/]*={0,2}$/;
/** A URI reference contains no white space, so the first space ends it. */
const SOURCE = /^[^\s\p{Cc}\p{Cs}]+$/u;

/** An event in one JSON object, alone or in a batch. `text` is its JSON text. */
export function fromStructuredEvent(value: unknown, text: () => string): SentPulse {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('body', 'A CloudEvent in JSON is an object.');
  }
  const event = value as Attributes;
  const { datacontenttype, data_base64: base64 } = event;
  const hasJsonType = typeof datacontenttype === 'string' && JSON_TYPE.test(datacontenttype);
  if (!isUnset(datacontenttype) && !hasJsonType) {
    return refuse('datacontenttype', 'The data of a pulse is JSON.');
  }
  if (isUnset(base64)) {
    const source = (): string => memberSource(text(), 'data') ?? '';
    return fromEvent(event, { value: event.data, source });
  }
  if (event.data !== undefined) return refuse('data_base64', 'Send data or data_base64, not both.');
  if (typeof base64 !== 'string' || base64.length % 4 !== 0 || !BASE64.test(base64)) {
    return refuse('data_base64', 'data_base64 must be a string in base64.');
  }
  return fromBytes(event, Buffer.from(base64, 'base64'), 'data_base64');
}

/** An event whose attributes are headers. */
export function fromBinaryEvent(headers: IncomingHttpHeaders, body: Buffer): SentPulse {
  const read = readEventHeaders(headers);
  return read.ok ? fromBytes(read.attributes, body, 'body') : refuse(read.name, read.reason);
}

/**
 * The id of a pulse that came as an event: `<source> <id>`, which is unambiguous because a source has no space. If
 * that is too long for an id, it is `sha256:` and its SHA-256 in hexadecimal, which has no space either.
 */
export function eventIdentity(source: string, id: string): string {
  const joined = `${source} ${id}`;
  if (joined.length <= ID_LENGTH_MAX) return joined;
  return `sha256:${createHash('sha256').update(joined).digest('hex')}`;
}

function fromBytes(attributes: Attributes, bytes: Buffer, field: string): SentPulse {
  // The count of the whole body does not see what a text in base64 holds.
  if (hasTooManyValues(bytes)) {
    const reason = `The data ${HAS_TOO_MANY_VALUES}`;
    return { ok: false, refusal: { field, code: 'body_too_large', reason } };
  }
  const text = bytes.toString('utf8');
  const value = parseJson(text, bytes);
  if (value instanceof SyntaxError) {
    const reason = `The data is not JSON in UTF-8: ${value.message}`.slice(0, 200);
    return { ok: false, refusal: { field, code: 'malformed_json', reason } };
  }
  return fromEvent(attributes, { value, source: () => text });
}

function fromEvent(event: Attributes, payload: EventPayload): SentPulse {
  const { specversion, id, source, type } = event;
  if (specversion !== '1.0') return refuse('specversion', 'specversion must be "1.0".');
  if (!isFilled(id)) return refuse('id', 'id must be a string that is not empty.');
  if (!isFilled(source) || !SOURCE.test(source)) {
    return refuse('source', 'source must be a URI reference, without white space.');
  }
  if (!isFilled(type)) return refuse('type', 'type must be a string that is not empty.');
  if (/\p{Cs}/u.test(id)) return refuse('id', 'id must not contain half a character.');
  const { value, source: payloadSource } = payload;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const reason = 'data must be an object with product_sku, use_unity and used_amount.';
    return { ok: false, refusal: { field: 'data', code: 'not_an_object', reason } };
  }
  const { product_sku, use_unity, used_amount } = value as Attributes;
  return {
    ok: true,
    value: {
      tenant: event.subject,
      product_sku,
      use_unity,
      used_amount,
      id: eventIdentity(source, id),
      timestamp: event.time ?? undefined,
    },
    source: payloadSource,
    fields: EVENT_FIELDS,
  };
}

/** JSON's null means that an attribute is not set. */
function isUnset(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function refuse(field: string, reason: string): SentPulse {
  return { ok: false, refusal: { field, code: 'invalid_cloudevent', reason } };
}
