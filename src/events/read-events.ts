/** Reads the events of a request's body, in any of the formats. */
import { elementSources } from '../contract/json-source.ts';
import { parseJson } from '../contract/parse-body.ts';
import { hasTooManyValues } from '../core/json-size.ts';
import { tooManyValues } from '../http/json-body.ts';
import { HTTP_PROBLEMS, invalidField, ProblemError } from '../http/problems.ts';
import type { RawBody } from '../http/raw-bodies.ts';
import { EVENT_PROBLEMS } from './events-problems.ts';
import { failed, parseEvent, type ParsedEvent } from './events.ts';

/** Of one request. */
export const EVENTS_MAX = 500;

/** The accepted media types, without parameters. */
export const EVENT_MEDIA_TYPES = [
  'application/json',
  'application/x-ndjson',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
] as const;

type EventsBody = RawBody<(typeof EVENT_MEDIA_TYPES)[number]>;

const NEWLINE = 0x0a;
/** The byte order mark in UTF-8. */
const BOM = Buffer.from('\ufeff');

/**
 * The events of a request, in order. An event that cannot be read is a failure in its place.
 *
 * @throws ProblemError The whole body is invalid: 400, or 413 for more than 500 events or very many members.
 */
export function readEvents({ mediaType, body: sent }: EventsBody): ParsedEvent[] {
  // As POST /pulses does: RFC 8259 lets a parser ignore it.
  const body = sent.subarray(0, BOM.length).equals(BOM) ? sent.subarray(BOM.length) : sent;
  if (hasTooManyValues(body)) throw tooManyValues();
  switch (mediaType) {
    case 'application/json':
      return readDocument(body, { parse: parseEvent, shape: 'alone or in an array' });
    case 'application/x-ndjson':
      return readLines(body);
    case 'application/cloudevents+json':
      return readDocument(body, { parse: parseCloudEvent, shape: 'alone' });
    case 'application/cloudevents-batch+json':
      return readDocument(body, { parse: parseCloudEvent, shape: 'in an array' });
  }
}

interface DocumentForm {
  readonly parse: typeof parseEvent;
  readonly shape: 'alone' | 'in an array' | 'alone or in an array';
}

function readDocument(body: Buffer, { parse, shape }: DocumentForm): ParsedEvent[] {
  const text = body.toString('utf8');
  const value = parseJson(text, body);
  if (value instanceof SyntaxError) {
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_MALFORMED_BODY, {
      detail: value.message.slice(0, 200),
    });
  }
  if (!Array.isArray(value)) {
    if (shape === 'in an array') throw invalidField('body', 'must be an array');
    return [parse(value, () => text)];
  }
  if (shape === 'alone') throw invalidField('body', 'must be one object');
  refuseCount(value.length);
  const sources = elementSources(text);
  return value.map((element: unknown, index) => parse(element, () => sources[index] ?? ''));
}

/** Skips empty lines. */
function readLines(body: Buffer): ParsedEvent[] {
  const events: ParsedEvent[] = [];
  for (let start = 0; start < body.length;) {
    const newline = body.indexOf(NEWLINE, start);
    const end = newline === -1 ? body.length : newline;
    const line = body.subarray(start, end);
    start = end + 1;
    const text = line.toString('utf8');
    if (text.trim() === '') continue;
    events.push(parseLine(line, text));
    if (events.length > EVENTS_MAX) break;
  }
  refuseCount(events.length);
  return events;
}

function parseLine(line: Buffer, text: string): ParsedEvent {
  const value = parseJson(text, line);
  if (!(value instanceof SyntaxError)) return parseEvent(value, () => text);
  return failed('', `The line is not JSON in UTF-8: ${value.message}`.slice(0, 200));
}

/** Where the media type says that it is a CloudEvent, one without `specversion` is not an event of Pulse's own form. */
function parseCloudEvent(value: unknown, text: () => string): ParsedEvent {
  const isUnmarked = typeof value === 'object' && value !== null && !('specversion' in value);
  if (isUnmarked) return failed('/specversion', 'specversion must be "1.0".');
  return parseEvent(value, text);
}

function refuseCount(count: number): void {
  if (count === 0) throw invalidField('body', 'contains no event');
  if (count > EVENTS_MAX) {
    const detail = `The limit is ${EVENTS_MAX} events per request.`;
    throw new ProblemError(EVENT_PROBLEMS.PULSE_API_TOO_MANY_EVENTS, { detail });
  }
}
