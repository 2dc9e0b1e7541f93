/** Metrics of the pulse queue, as this process sees it. */
import type { Registry } from 'prom-client';
import { addSampledGauge, addSampledGauges } from '../platform/metrics.ts';
import type { Backlog, QueueSight, QueueWatch } from './queue-watch.ts';

/** The oldest delivery that ingest threads of this process hold. */
export interface OldestHeld {
  readonly sentAtMs: number;
  readonly receivedAtMs: number;
}

/** @param oldestHeld Read at every scrape; undefined when no delivery is held or no ingest runs here. */
export function addQueueMetrics(
  registry: Registry,
  watch: Pick<QueueWatch, 'latest' | 'backlog'>,
  oldestHeld: () => OldestHeld | undefined,
): void {
  const startedMs = Date.now();
  addSampledGauges(registry, {
    name: 'pulse_queue_deliveries',
    help:
      'Deliveries waiting in the pulse queue (main), the dead-letter queue (dead), and the queue of dead letters that ' +
      'cannot be stored (parked), without unacknowledged ones.',
    label: 'queue',
    read: () => ({
      ...mapSight(watch.latest, ({ readyCount }) => readyCount),
      ...parkedCount(watch.latest),
    }),
  });
  addSampledGauges(registry, {
    name: 'pulse_queue_consumers',
    help: 'Consumers of the pulse queue (main) and the dead-letter queue (dead), in all processes.',
    label: 'queue',
    read: () => mapSight(watch.latest, ({ consumerCount }) => consumerCount),
  });
  addSampledGauge(registry, {
    name: 'pulse_queue_backlog_seconds',
    help: 'For how long every look of this process, one every 5 s, has found waiting pulses. If it ever saw the queue empty, no waiting pulse is older.',
    read: () => {
      if (watch.latest === undefined) return undefined;
      const { sinceMs } = watch.backlog;
      return sinceMs === undefined ? 0 : secondsSince(Math.max(sinceMs, startedMs), Date.now());
    },
  });
  addSampledGauge(registry, {
    name: 'pulse_oldest_pulse_age_seconds',
    help:
      'Age of the oldest pulse that is not counted yet, as far as this process knows: that of deliveries its ingest threads hold, by AMQP timestamp or, without one, ' +
      'time of receipt; and for how long pulses have waited without a consumer. A timestamp counts only back to when the queue was last seen empty. ' +
      'Does not cover what other processes hold, nor a backlog without timestamps that has consumers: see pulse_queue_backlog_seconds. Take the maximum over all processes.',
    read: () => oldestPulseAgeSeconds(watch, oldestHeld(), Date.now()),
  });
}

/** Undefined while it is unknown: RabbitMQ does not answer and no delivery is held. */
export function oldestPulseAgeSeconds(
  { latest, backlog }: Pick<QueueWatch, 'latest' | 'backlog'>,
  held: OldestHeld | undefined,
  nowMs: number,
): number | undefined {
  const ages: number[] = [];
  if (latest !== undefined) ages.push(0);
  if (held !== undefined) ages.push(secondsSince(believableSentMs(held, backlog, nowMs), nowMs));
  if (backlog.untakenSinceMs !== undefined) {
    ages.push(secondsSince(backlog.untakenSinceMs, nowMs));
  }
  return ages.length === 0 ? undefined : Math.max(...ages);
}

/**
 * A producer may set the AMQP timestamp to the time of use, hours ago. But a delivery that arrived after the
 * queue was seen empty cannot have waited longer than since then.
 */
function believableSentMs(held: OldestHeld, backlog: Backlog, nowMs: number): number {
  if (!backlog.wasEmpty) return held.sentAtMs;
  return Math.max(held.sentAtMs, Math.min(held.receivedAtMs, backlog.sinceMs ?? nowMs));
}

/** Nothing consumes parked dead letters, so they have a count and no consumers. */
function parkedCount(sight: QueueSight | undefined): { parked?: number } {
  return sight?.parked === undefined ? {} : { parked: sight.parked.readyCount };
}

function mapSight<D>(
  sight: { readonly main: D; readonly dead: D } | undefined,
  read: (depth: D) => number,
): Record<string, number> {
  return sight === undefined ? {} : { main: read(sight.main), dead: read(sight.dead) };
}

function secondsSince(sinceMs: number, nowMs: number): number {
  return Math.max(0, nowMs - sinceMs) / 1000;
}
