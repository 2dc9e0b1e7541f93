/** `pulse processor`. */
import { PROCESSOR_PARTS } from './message-parts.ts';
import { defineStart } from '../cli/run-parts.ts';

export const processor = defineStart('processor', {
  api: false,
  usesRedis: false,
  parts: PROCESSOR_PARTS,
});
