/** `pulse exporter`. */
import { defineStart } from '../cli/run-parts.ts';
import { OUTBOX_PARTS } from './outbox-parts.ts';
import { exporterPart } from './exporter-part.ts';

export const exporter = defineStart('exporter', {
  api: false,
  usesRedis: false,
  parts: [...OUTBOX_PARTS, exporterPart],
});
