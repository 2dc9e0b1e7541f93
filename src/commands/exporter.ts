/** `pulse exporter`. */
import { EXPORTER_PARTS } from './message-parts.ts';
import { defineStart } from '../cli/run-parts.ts';

export const exporter = defineStart('exporter', {
  api: false,
  usesRedis: false,
  parts: EXPORTER_PARTS,
});
