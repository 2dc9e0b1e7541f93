import { openIngestPair } from '../ingest-pair.ts';
import type { Scenario } from '../scenario.ts';

/** What a producer gains by sending arrays: a hundred pulses share the broker's cost of one message. */
export const ingestArray: Scenario = {
  name: 'ingest-array',
  measured: '100 pulses a message, ids, 20,000 keys',
  against: 'bare drain of messages of one pulse',
  unit: 'pulses/s',
  judgement: 'ratio at least',
  mustReach: 2,
  aim: 4,
  open: (context) =>
    openIngestPair(context, {
      shape: { keyCount: 20_000, distribution: 'uniform', pulsesPerMessage: 100 },
      pulseCount: context.quick ? 100_000 : 1_000_000,
      referencePulseCount: context.quick ? 40_000 : 300_000,
      reference: 'bare drain',
    }),
};
