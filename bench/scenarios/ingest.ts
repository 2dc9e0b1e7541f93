import { openIngestPair } from '../ingest-pair.ts';
import type { Scenario } from '../scenario.ts';

/** The most important target: the speed of the broker itself. */
export const ingest: Scenario = {
  name: 'ingest',
  measured: 'one pulse a message, ids, 20,000 keys',
  against: 'bare drain: amqplib acknowledging an identical queue and nothing else',
  unit: 'pulses/s',
  judgement: 'ratio at least',
  mustReach: 0.65,
  aim: 0.85,
  open: (context) =>
    openIngestPair(context, {
      shape: { keyCount: 20_000, distribution: 'uniform' },
      pulseCount: context.quick ? 40_000 : 300_000,
      reference: 'bare drain',
    }),
};
