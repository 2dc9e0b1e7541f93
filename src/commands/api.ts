/** `pulse api`. */
import { apiPart } from './api-parts.ts';
import { OUTBOX_PARTS } from './outbox-parts.ts';
import { defineStart } from '../cli/run-parts.ts';
import { WATCH_PARTS } from './watch-parts.ts';

export const api = defineStart('api', {
  api: true,
  parts: [...WATCH_PARTS, ...OUTBOX_PARTS, apiPart],
});
