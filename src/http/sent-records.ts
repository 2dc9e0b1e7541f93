/** Bodies that bring one record or several, in any of the formats. Each record is read by itself. */
import { elementSources } from '../core/json-source.ts';
import { parseJson } from '../core/parse-json.ts';
import { hasTooManyValues } from '../core/json-size.ts';
import { hasEventHeaders } from './event-headers.ts';
import { filledLines } from './filled-lines.ts';
import { tooManyValues } from './json-body.ts';
import { HTTP_PROBLEMS, invalidField, ProblemError, type ProblemKind } from './problems.ts';
import type { RawBody } from './raw-bodies.ts';

/** The accepted media types, without parameters. */
export const RECORD_MEDIA_TYPES = [
  'application/json',
  'application/x-ndjson',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
] as const;

export type RecordMediaType = (typeof RECORD_MEDIA_TYPES)[number];
export type SentRecords = RawBody<RecordMediaType>;

/** @param text The JSON text of the value. */
type ReadValue<Sent> = (value: unknown, text: () => string) => Sent;

/** How one kind of record is read. What cannot be read is a refusal in its place. */
export interface RecordReader<Sent> {
  /** What a record is called. */
  readonly noun: string;
  /** Of one request. */
  readonly countMax: number;
  /** The problem of a request with more. */
  readonly tooMany: ProblemKind;
  /** In Pulse's own form. */
  readonly fromValue: ReadValue<Sent>;
  readonly fromCloudEvent: ReadValue<Sent>;
  /** A CloudEvent whose attributes are headers; the body is its data. */
  readonly fromEventHeaders: (headers: SentRecords['headers'], body: Buffer) => Sent;
  /** A line that is not JSON. */
  readonly refuseLine: (reason: string) => Sent;
}

/** The byte order mark in UTF-8. */
const BOM = Buffer.from('\ufeff');

/**
 * The records of a request, in order.
 *
 * @throws ProblemError The whole body is invalid: 400, or 413 for too many records or very many members.
 */
export function readRecords<Sent>(
  { mediaType, headers, body: sent }: SentRecords,
  reader: RecordReader<Sent>,
): Sent[] {
  // Some programs on Windows write it before any text. RFC 8259 lets a parser ignore it.
  const body = sent.subarray(0, BOM.length).equals(BOM) ? sent.subarray(BOM.length) : sent;
  if (hasTooManyValues(body)) throw tooManyValues();
  switch (mediaType) {
    case 'application/json':
      if (hasEventHeaders(headers)) return [reader.fromEventHeaders(headers, body)];
      return readDocument(body, reader, { read: reader.fromValue, shape: 'alone or in an array' });
    case 'application/x-ndjson':
      return readLines(body, reader);
    case 'application/cloudevents+json':
      return readDocument(body, reader, { read: reader.fromCloudEvent, shape: 'alone' });
    case 'application/cloudevents-batch+json':
      return readDocument(body, reader, { read: reader.fromCloudEvent, shape: 'in an array' });
  }
}

interface DocumentForm<Sent> {
  readonly read: ReadValue<Sent>;
  readonly shape: 'alone' | 'in an array' | 'alone or in an array';
}

function readDocument<Sent>(
  body: Buffer,
  reader: RecordReader<Sent>,
  { read, shape }: DocumentForm<Sent>,
): Sent[] {
  const text = body.toString('utf8');
  const value = parseJson(text, body);
  if (value instanceof SyntaxError) {
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_MALFORMED_BODY, {
      detail: value.message.slice(0, 200),
    });
  }
  if (!Array.isArray(value)) {
    if (shape === 'in an array') throw invalidField('body', 'must be an array');
    return [read(value, () => text)];
  }
  if (shape === 'alone') throw invalidField('body', 'must be one object');
  refuseCount(value.length, reader);
  let sources: string[] | undefined;
  return value.map((element: unknown, index) =>
    read(element, () => (sources ??= elementSources(text))[index] ?? ''),
  );
}

/** Skips empty lines. */
function readLines<Sent>(body: Buffer, reader: RecordReader<Sent>): Sent[] {
  const records: Sent[] = [];
  for (const line of filledLines(body)) {
    records.push(readLine(line, reader));
    if (records.length > reader.countMax) break;
  }
  refuseCount(records.length, reader);
  return records;
}

function readLine<Sent>(line: Buffer, reader: RecordReader<Sent>): Sent {
  const text = line.toString('utf8');
  const value = parseJson(text, line);
  if (!(value instanceof SyntaxError)) return reader.fromValue(value, () => text);
  return reader.refuseLine(`The line is not JSON in UTF-8: ${value.message}`.slice(0, 200));
}

function refuseCount<Sent>(count: number, { noun, countMax, tooMany }: RecordReader<Sent>): void {
  if (count === 0) throw invalidField('body', `contains no ${noun}`);
  if (count > countMax) {
    throw new ProblemError(tooMany, { detail: `The limit is ${countMax} ${noun}s per request.` });
  }
}
