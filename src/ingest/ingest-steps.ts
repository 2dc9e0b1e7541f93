/**
 * The numbered steps of ingest, in order; each is named after what has just been done. Fault tests stop here.
 *
 * What the death of the process costs after each:
 * - `taken`, `folded`: the batch is redelivered.
 * - `dead-lettered`: the same; the quarantine drops second copies. Also reached when dead letters cannot be published:
 *   their deliveries are held then, and redelivered with the batch.
 * - `applied`: the same; every id is seen, so nothing is counted twice.
 * - `acknowledged`: only held deliveries are redelivered.
 */

export const INGEST_STEPS = [
  'taken',
  'folded',
  'dead-lettered',
  'applied',
  'acknowledged',
] as const;
export type IngestStep = (typeof INGEST_STEPS)[number];
