/** `pulse sender`. */
import { SENDER_PARTS } from './message-parts.ts';
import { defineStart } from '../cli/run-parts.ts';

export const sender = defineStart('sender', {
  api: false,
  usesRedis: false,
  parts: SENDER_PARTS,
});
