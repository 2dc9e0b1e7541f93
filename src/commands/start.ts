/** `pulse start`. */
import type { Part } from '../cli/part.ts';
import { apiPart } from './api-parts.ts';
import { MESSAGE_PARTS } from './message-parts.ts';
import { defineStart } from '../cli/run-parts.ts';
import { WATCH_PARTS } from './watch-parts.ts';
import { WORKER_PARTS } from './worker-parts.ts';

/** All parts of the system, in the order in which they start. */
export const ALL_PARTS: readonly Part[] = [
  ...WORKER_PARTS,
  ...WATCH_PARTS,
  ...MESSAGE_PARTS,
  apiPart,
];

export const start = defineStart('start', { api: true, parts: ALL_PARTS });
