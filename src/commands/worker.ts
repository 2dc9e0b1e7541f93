/** `pulse worker`. */
import { defineStart } from '../cli/run-parts.ts';
import { WATCH_PARTS } from './watch-parts.ts';
import { WORKER_PARTS } from './worker-parts.ts';

export const worker = defineStart('worker', {
  api: false,
  parts: [...WORKER_PARTS, ...WATCH_PARTS],
});
