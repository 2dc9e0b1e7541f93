/** Metrics of the quarantine writer. The depths of its queues are in `ingest/queue-metrics.ts`. */
import { Counter, type Registry } from 'prom-client';
import { PARK_REASONS, type ParkReason } from './parked-publication.ts';

export function createQuarantineMetrics(registry: Registry) {
  const parked = new Counter({
    name: 'pulse_dead_letters_parked_total',
    help:
      'Dead letters moved to the parked queue: refused (Postgres refuses the row for good) and returned ' +
      '(it came back too often). One that is parked twice counts twice.',
    labelNames: ['reason'],
    registers: [registry],
  });
  // Shown from the start: a series that begins with its first increment hides it from rate().
  for (const reason of PARK_REASONS) parked.inc({ reason }, 0);
  return {
    parked: (reason: ParkReason): void => {
      parked.inc({ reason });
    },
  };
}
