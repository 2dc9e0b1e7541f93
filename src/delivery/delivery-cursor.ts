/** A delivery's place in the list, as `http/cursor.ts` describes it. */
import { isCursor } from '../http/cursor.ts';
import type { DeliveryCursor } from './deliveries-query.ts';

/** Deliveries are created at whole milliseconds. */
export function cursorOf({ createdAt, id }: DeliveryCursor): string {
  return `${createdAt.getTime() * 1_000}.${id}`;
}

/** Undefined if the text has not the form of a cursor. */
export function parseCursor(text: string): DeliveryCursor | undefined {
  if (!isCursor(text)) return undefined;
  const [microseconds = '', id = ''] = text.split('.');
  return { createdAt: new Date(Math.floor(Number(microseconds) / 1_000)), id };
}
