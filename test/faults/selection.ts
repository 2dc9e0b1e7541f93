/** The rounds of `--selection ci`: a few minutes that cover every kind of fault. */

/** One round: a seed and the names of its faults. */
export interface SelectedRound {
  readonly seed: number;
  readonly faults: readonly string[];
}

/** Where a fault needs a single worker, the seed gives the round only one. */
export const CI_SELECTION: readonly SelectedRound[] = [
  { seed: 1, faults: ['crash-ingest-applied', 'crash-aggregate-folded'] },
  { seed: 4, faults: ['crash-flush-committed'] },
  { seed: 11, faults: ['crash-flush-checked', 'worker-kill'] },
  { seed: 12, faults: ['zombie-aggregate-folded'] },
  { seed: 5, faults: ['lease-lost', 'flusher-kill'] },
  { seed: 13, faults: ['flusher-zombie'] },
  { seed: 7, faults: ['redis-kill'] },
  { seed: 8, faults: ['postgres-kill', 'append-lost-kill'] },
  { seed: 9, faults: ['rabbitmq-kill'] },
  { seed: 10, faults: ['postgres-terminate-copy', 'redis-full', 'journal-full'] },
  { seed: 3, faults: ['reply-lost-append', 'reply-lost-commit', 'commit-answer-lost'] },
  { seed: 16, faults: ['commit-lost', 'dead-letter-lost-kill'] },
  {
    seed: 6,
    faults: ['net-producer-reply-lost', 'net-rabbitmq-cut-after', 'net-redis-black-hole'],
  },
];
