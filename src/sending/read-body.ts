/** Reads the pulses from a request's body, in any of the formats. */
import { elementSources } from '../contract/json-source.ts';
import { parseJson } from '../contract/parse-body.ts';
import { ARRAY_LENGTH_MAX } from '../contract/rules.ts';
import { hasTooManyValues } from '../core/json-size.ts';
import { tooManyValues } from '../http/json-body.ts';
import { HTTP_PROBLEMS, invalidField, ProblemError } from '../http/problems.ts';
import type { RawBody } from '../http/raw-bodies.ts';
import { fromBinaryEvent, fromStructuredEvent, isBinaryEvent } from './cloud-event.ts';
import { PULSE_FIELDS, type SentPulse } from './sent-pulse.ts';
import { SENDING_PROBLEMS } from './sending-problems.ts';

/** The accepted media types, without parameters. */
export const SEND_MEDIA_TYPES = [
  'application/json',
  'application/x-ndjson',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
] as const;
export type SendMediaType = (typeof SEND_MEDIA_TYPES)[number];
export type SentBody = RawBody<SendMediaType>;

const NEWLINE = 0x0a;
/** The byte order mark in UTF-8. */
const BOM = Buffer.from('\ufeff');

/**
 * The pulses of a request, in order. A pulse that cannot be read is a refusal in its place.
 *
 * @throws ProblemError The whole body is invalid: 400, or 413 for more than 1,000 pulses or very many members.
 */
export function readBody({ mediaType, headers, body: sent }: SentBody): SentPulse[] {
  // Some programs on Windows write it before any text. RFC 8259 lets a parser ignore it.
  const body = sent.subarray(0, BOM.length).equals(BOM) ? sent.subarray(BOM.length) : sent;
  if (hasTooManyValues(body)) throw tooManyValues();
  switch (mediaType) {
    case 'application/json':
      if (isBinaryEvent(headers)) return [fromBinaryEvent(headers, body)];
      return readDocument(body, toPulse, 'alone or in an array');
    case 'application/x-ndjson':
      return readLines(body);
    case 'application/cloudevents+json':
      return readDocument(body, fromStructuredEvent, 'alone');
    case 'application/cloudevents-batch+json':
      return readDocument(body, fromStructuredEvent, 'in an array');
  }
}

type ToSent = (value: unknown, text: () => string) => SentPulse;

function readDocument(
  body: Buffer,
  toSent: ToSent,
  shape: 'alone' | 'in an array' | 'alone or in an array',
): SentPulse[] {
  const text = body.toString('utf8');
  const value = parseJson(text, body);
  if (value instanceof SyntaxError) {
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_MALFORMED_BODY, {
      detail: value.message.slice(0, 200),
    });
  }
  if (!Array.isArray(value)) {
    if (shape === 'in an array') throw invalidField('body', 'must be an array');
    return [toSent(value, () => text)];
  }
  if (shape === 'alone') throw invalidField('body', 'must be one object');
  refuseCount(value.length);
  let sources: string[] | undefined;
  return value.map((element: unknown, index) =>
    toSent(element, () => (sources ??= elementSources(text))[index] ?? ''),
  );
}

/** Skips empty lines. */
function readLines(body: Buffer): SentPulse[] {
  const pulses: SentPulse[] = [];
  for (let start = 0; start < body.length;) {
    const newline = body.indexOf(NEWLINE, start);
    const end = newline === -1 ? body.length : newline;
    const line = body.subarray(start, end);
    start = end + 1;
    const text = line.toString('utf8');
    if (text.trim() === '') continue;
    pulses.push(fromLine(line, text));
    if (pulses.length > ARRAY_LENGTH_MAX) break;
  }
  refuseCount(pulses.length);
  return pulses;
}

function fromLine(line: Buffer, text: string): SentPulse {
  const value = parseJson(text, line);
  if (!(value instanceof SyntaxError)) return toPulse(value, () => text);
  const reason = `The line is not JSON in UTF-8: ${value.message}`.slice(0, 200);
  return { ok: false, refusal: { field: 'body', code: 'malformed_json', reason } };
}

function toPulse(value: unknown, source: () => string): SentPulse {
  return { ok: true, value, source, fields: PULSE_FIELDS };
}

function refuseCount(count: number): void {
  if (count === 0) throw invalidField('body', 'contains no pulse');
  if (count > ARRAY_LENGTH_MAX) {
    const detail = `The limit is ${ARRAY_LENGTH_MAX} pulses per request.`;
    throw new ProblemError(SENDING_PROBLEMS.PULSE_API_TOO_MANY_PULSES, { detail });
  }
}
