/** Messages as callers of the API see them. */
import type { Static } from 'typebox';
import { isStorable } from '../core/storable.ts';
import type { Message } from './events.ts';
import type { MessageCursor } from './messages-query.ts';
import type { MessageSchema } from './messages-schema.ts';

/** `data` is JSON text until the answer is written. */
export type MessageJson = Static<typeof MessageSchema>;

export function toMessageJson(message: Message): MessageJson {
  const { producer, id, type, client, data } = message;
  return {
    ...{ producer, id, type },
    type_version: message.typeVersion,
    client,
    number: Number(message.number),
    timestamp: message.occurredAt.toISOString(),
    stored_at: message.storedAt.toISOString(),
    data,
  };
}

/** Opaque, and never a number alone: that is the `after` of a pull. */
export function cursorOf({ storedAt, producer, id }: MessageCursor): string {
  const key = Buffer.from(JSON.stringify([producer, id]));
  return `${storedAt.getTime()}.${key.toString('base64url')}`;
}

/** Undefined for a text that is not a cursor. */
export function parseCursor(text: string): MessageCursor | undefined {
  const [, ms, encoded] = /^(\d{1,14})\.([\w-]+)$/.exec(text) ?? [];
  if (ms === undefined || encoded === undefined) return undefined;
  const key = parseKey(Buffer.from(encoded, 'base64url').toString());
  if (key === undefined) return undefined;
  return { storedAt: new Date(Number(ms)), producer: key[0], id: key[1] };
}

function parseKey(text: string): readonly [string, string] | undefined {
  try {
    const key: unknown = JSON.parse(text);
    if (!Array.isArray(key) || key.length !== 2) return undefined;
    const [producer, id] = key as readonly unknown[];
    if (!isKeyText(producer) || !isKeyText(id)) return undefined;
    return [producer, id];
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isKeyText(value: unknown): value is string {
  return typeof value === 'string' && isStorable(value, 0);
}
