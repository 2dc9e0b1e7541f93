/** The rounds of `--selection ci`: a few minutes that touch every kind of fault. */

/** One round: a seed and the names of its faults. */
export interface SelectedRound {
  readonly seed: number;
  readonly faults: readonly string[];
}

export const CI_SELECTION: readonly SelectedRound[] = [
  { seed: 1, faults: ['none'] },
  { seed: 2, faults: ['crash-ingest-applied', 'crash-ingest-dead-lettered'] },
  { seed: 3, faults: ['crash-flush-committed', 'crash-flush-recorded'] },
  { seed: 4, faults: ['crash-thread-applied'] },
  { seed: 5, faults: ['worker-zombie', 'flusher-kill'] },
  { seed: 6, faults: ['flusher-zombie', 'flushers-many'] },
  { seed: 7, faults: ['redis-kill'] },
  { seed: 8, faults: ['postgres-kill', 'worker-kill'] },
  { seed: 9, faults: ['rabbitmq-kill'] },
  { seed: 10, faults: ['postgres-terminate-copy'] },
  { seed: 11, faults: ['reply-lost-apply', 'commit-answer-lost'] },
  { seed: 12, faults: ['net-producer-reply-lost', 'net-rabbitmq-cut-after'] },
  { seed: 13, faults: ['net-redis-black-hole', 'redis-full'] },
];
