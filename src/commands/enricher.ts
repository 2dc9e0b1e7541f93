/** `pulse enricher`. */
import { ENRICHER_PARTS } from './message-parts.ts';
import { defineStart } from '../cli/run-parts.ts';

export const enricher = defineStart('enricher', {
  api: false,
  usesRedis: false,
  parts: ENRICHER_PARTS,
});
