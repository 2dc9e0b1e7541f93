/** Reads the events of a request's body, in any of the formats. */
import type { IncomingHttpHeaders } from 'node:http';
import { parseJson } from '../core/parse-json.ts';
import { readEventHeaders } from '../http/event-headers.ts';
import { readRecords, type RecordReader, type SentRecords } from '../http/sent-records.ts';
import { EVENT_PROBLEMS } from './events-problems.ts';
import { failed, parseEvent, type ParsedEvent } from './events.ts';

/** Of one request. */
export const EVENTS_MAX = 500;

const EVENTS: RecordReader<ParsedEvent> = {
  noun: 'event',
  countMax: EVENTS_MAX,
  tooMany: EVENT_PROBLEMS.PULSE_API_TOO_MANY_EVENTS,
  fromValue: parseEvent,
  fromCloudEvent: parseCloudEvent,
  fromEventHeaders: parseBinaryEvent,
  refuseLine: (reason) => failed('', reason),
};

/**
 * The events of a request, in order. An event that cannot be read is a failure in its place.
 *
 * @throws ProblemError As readRecords.
 */
export function readEvents(sent: SentRecords): ParsedEvent[] {
  return readRecords(sent, EVENTS);
}

/** Where the media type says that it is a CloudEvent, one without `specversion` is not an event of Pulse's own form. */
function parseCloudEvent(value: unknown, text: () => string): ParsedEvent {
  const isUnmarked = typeof value === 'object' && value !== null && !('specversion' in value);
  if (isUnmarked) return failed('/specversion', 'specversion must be "1.0".');
  return parseEvent(value, text);
}

function parseBinaryEvent(headers: IncomingHttpHeaders, body: Buffer): ParsedEvent {
  const read = readEventHeaders(headers);
  if (!read.ok) return failed(`/${read.name}`, read.reason);
  const text = body.toString('utf8');
  const data = parseJson(text, body);
  if (data instanceof SyntaxError) {
    return failed('/data', `The data is not JSON in UTF-8: ${data.message}`.slice(0, 200));
  }
  return parseCloudEvent({ ...read.attributes, data }, () => `{"data":${text}}`);
}
