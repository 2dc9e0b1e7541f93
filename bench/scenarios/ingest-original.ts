import { openIngestPair } from '../ingest-pair.ts';
import type { Scenario } from '../scenario.ts';

/** What the guarantees cost compared with the design that had none. */
export const ingestOriginal: Scenario = {
  name: 'ingest-original',
  measured: 'one pulse a message, ids, 20,000 keys',
  against: 'the original design: auto-ack, one INCRBY a message, 10 workers',
  unit: 'pulses/s',
  judgement: 'ratio at least',
  mustReach: 4,
  aim: 6,
  open: (context) =>
    openIngestPair(context, {
      shape: { keyCount: 20_000, distribution: 'uniform' },
      pulseCount: context.quick ? 20_000 : 100_000,
      reference: 'original design',
    }),
};
