/** The numbered steps of ingest, in order; each is named after what has just been done. Fault tests stop here. */

export const INGEST_STEPS = [
  'taken',
  'folded',
  'dead-lettered',
  'applied',
  'acknowledged',
] as const;
export type IngestStep = (typeof INGEST_STEPS)[number];
