import { openIngestPair } from '../ingest-pair.ts';
import type { Scenario } from '../scenario.ts';

/** Realistic tenants: a few of them make most of the use. */
export const ingestSkewed: Scenario = {
  name: 'ingest-skewed',
  measured: 'one pulse a message, ids, 20,000 keys by Zipf',
  against: 'bare drain',
  unit: 'pulses/s',
  judgement: 'ratio at least',
  mustReach: 0.75,
  aim: 0.9,
  open: (context) =>
    openIngestPair(context, {
      shape: { keyCount: 20_000, distribution: 'zipf' },
      pulseCount: context.quick ? 40_000 : 300_000,
      reference: 'bare drain',
    }),
};
