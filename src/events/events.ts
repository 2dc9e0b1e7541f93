/** Events: what a producer tells a client. The face of the domain: types, and what is read from a body. */
import { createHash } from 'node:crypto';
import { memberSource } from '../core/json-source.ts';
import { isStorable } from '../core/storable.ts';
import { parseInstant } from '../core/timestamp.ts';
import { uuidV8 } from '../core/uuid.ts';
import type { HandlerFailure } from '../messaging/handler.ts';

/** The producer of Pulse's own events. Nobody else may send as it. */
export const PULSE_PRODUCER = 'pulse';

export const ID_LENGTH_MAX = 256;
export const NAME_LENGTH_MAX = 128;
/** The longest `data`, as JSON text in UTF-8. In memory, text takes up to two bytes for each of them. */
export const DATA_BYTES_MAX = 256 * 1024;
/** How deep `data` may nest. */
export const DATA_DEPTH_MAX = 32;
/** Of the name of a type. */
export const TYPE_NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** An event as it was sent. */
export interface Event {
  readonly producer: string;
  /** Identifies it among those of its producer. */
  readonly id: string;
  readonly type: string;
  /** The id of a customer. */
  readonly client: string;
  readonly data: unknown;
  /** The JSON text of `data`, with its numbers as they were written. */
  readonly dataText: string;
  /** When it happened; undefined: when it is stored. */
  readonly occurredAt: Date | undefined;
}

/** An event as it is stored. */
export interface Message {
  readonly producer: string;
  readonly id: string;
  readonly type: string;
  readonly typeVersion: number;
  readonly client: string;
  /** From 1, without a gap for each client. */
  readonly number: string;
  /** The JSON text. */
  readonly data: string;
  readonly occurredAt: Date;
  readonly storedAt: Date;
}

/** A message without its data. */
export type MessageHead = Pick<
  Message,
  'producer' | 'id' | 'type' | 'client' | 'number' | 'storedAt'
>;

export const EVENT_FAILURES = [
  'invalid_event',
  'unknown_producer',
  'reserved_producer',
  'unknown_type',
  'reserved_type',
  'unknown_client',
  'invalid_data',
  'id_taken',
  'too_costly',
] as const;

/** Why an event is not stored. */
export interface EventFailure extends HandlerFailure {
  readonly code: (typeof EVENT_FAILURES)[number];
  /** A JSON pointer to what is wrong; '' is the whole event. */
  readonly pointer: string;
}

export type ParsedEvent =
  | { readonly ok: true; readonly event: Event }
  | { readonly ok: false; readonly failure: EventFailure };

/**
 * The `webhook-id` of a message: the same at every attempt. Ids are only unique for one producer, so both are part of
 * it.
 */
export function webhookIdOf({ producer, id }: Pick<Message, 'producer' | 'id'>): string {
  const hash = createHash('sha256').update(JSON.stringify([producer, id]));
  return `msg_${uuidV8(hash.digest())}`;
}

/**
 * Reads `{"id", "producer", "type", "client", "data", "timestamp"?}` or a CloudEvent in JSON.
 *
 * @param text The JSON text of the value.
 */
export function parseEvent(value: unknown, text: () => string): ParsedEvent {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return failed('', 'An event must be a JSON object.');
  }
  const members = value as Members;
  const names = members.specversion === undefined ? NATIVE : CLOUD_EVENT;
  const problem = findProblem(members, names);
  if (problem !== undefined) return { ok: false, failure: problem };
  const dataText = memberSource(text(), 'data') ?? 'null';
  const dataBytes = Buffer.byteLength(dataText);
  if (dataBytes > DATA_BYTES_MAX) {
    const detail = `data has ${dataBytes} bytes of JSON in UTF-8. It may have ${DATA_BYTES_MAX}.`;
    return failed('/data', detail);
  }
  const instant = members[names.timestamp];
  const occurredMs = typeof instant === 'string' ? parseInstant(instant) : undefined;
  return {
    ok: true,
    event: {
      producer: members[names.producer] as string,
      id: members.id as string,
      type: members.type as string,
      client: members[names.client] as string,
      data: members.data ?? null,
      dataText,
      occurredAt: occurredMs === undefined ? undefined : new Date(occurredMs),
    },
  };
}

export function failed(
  pointer: string,
  detail: string,
  code: EventFailure['code'] = 'invalid_event',
): { readonly ok: false; readonly failure: EventFailure } {
  return { ok: false, failure: { code, pointer, detail } };
}

type Members = Readonly<Record<string, unknown>>;

interface MemberNames {
  readonly producer: string;
  readonly client: string;
  readonly timestamp: string;
}

const NATIVE: MemberNames = { producer: 'producer', client: 'client', timestamp: 'timestamp' };
const CLOUD_EVENT: MemberNames = { producer: 'source', client: 'subject', timestamp: 'time' };
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const JSON_TYPE = /^[\w.+-]+\/(?:json|[\w.-]+\+json)\s*(?:;|$)/i;

function findProblem(members: Members, names: MemberNames): EventFailure | undefined {
  const texts = [
    [names.producer, NAME_LENGTH_MAX],
    ['id', ID_LENGTH_MAX],
    [names.client, NAME_LENGTH_MAX],
  ] as const;
  for (const [name, lengthMax] of texts) {
    if (!isText(members[name], lengthMax)) {
      const detail = `${name} must be a text of 1 to ${lengthMax} characters without control characters.`;
      return failed(`/${name}`, detail).failure;
    }
  }
  if (typeof members.type !== 'string' || !TYPE_NAME.test(members.type)) {
    const detail = `type must be a name of 1 to ${NAME_LENGTH_MAX} letters, digits, ".", "_", ":" and "-".`;
    return failed('/type', detail).failure;
  }
  const instant = members[names.timestamp];
  if (instant !== undefined && instant !== null && !isInstant(instant)) {
    const detail = `${names.timestamp} must be an RFC 3339 instant of the years 1 to 9999 (UTC) such as 2026-01-31T00:00:00Z.`;
    return failed(`/${names.timestamp}`, detail).failure;
  }
  return names === NATIVE ? findNativeProblem(members) : findCloudProblem(members);
}

const NATIVE_MEMBERS = ['id', 'producer', 'type', 'client', 'data', 'timestamp'];

function findNativeProblem(members: Members): EventFailure | undefined {
  const unknown = Object.keys(members).find((name) => !NATIVE_MEMBERS.includes(name));
  if (unknown !== undefined) {
    const detail = `An event has only the members ${NATIVE_MEMBERS.join(', ')}.`;
    return failed('', detail).failure;
  }
  if (members.data === undefined) return failed('/data', 'data is missing.').failure;
  return findDataProblem(members.data);
}

function findCloudProblem(members: Members): EventFailure | undefined {
  const { specversion, datacontenttype, data_base64: base64 } = members;
  if (specversion !== '1.0') return failed('/specversion', 'specversion must be "1.0".').failure;
  if (base64 !== undefined) return failed('/data_base64', 'data must be JSON, in data.').failure;
  const isJson = typeof datacontenttype === 'string' && JSON_TYPE.test(datacontenttype);
  if (datacontenttype !== undefined && datacontenttype !== null && !isJson) {
    return failed('/datacontenttype', 'datacontenttype must be a type of JSON.').failure;
  }
  return findDataProblem(members.data ?? null);
}

/** Postgres refuses NUL and lone surrogates when it reads a member of the data. */
function findDataProblem(data: unknown): EventFailure | undefined {
  if (isStorable(data, DATA_DEPTH_MAX)) return undefined;
  const detail = `data must nest at most ${DATA_DEPTH_MAX} deep, without NUL, lone surrogates and numbers beyond a double's range.`;
  return failed('/data', detail).failure;
}

function isText(value: unknown, lengthMax: number): value is string {
  if (typeof value !== 'string' || value === '' || value.length > 2 * lengthMax) return false;
  if (CONTROL.test(value) || !isStorable(value, 0)) return false;
  return value.length <= lengthMax || Array.from(value).length <= lengthMax;
}

function isInstant(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 64 && parseInstant(value) !== undefined;
}
