/** `pulse sender`. */
import { defineStart } from '../cli/run-parts.ts';
import { OUTBOX_PARTS } from './outbox-parts.ts';
import { senderPart } from './sender-part.ts';

export const sender = defineStart('sender', {
  api: false,
  usesRedis: false,
  parts: [...OUTBOX_PARTS, senderPart],
});
