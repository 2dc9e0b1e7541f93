/** The queue of pulses as this process sees it, for Prometheus. */
import type { Registry } from 'prom-client';
import { addSampledGauge, addSampledGauges } from '../platform/metrics.ts';
import type { Backlog, QueueWatch } from './queue-watch.ts';

/** The longest waiting delivery that ingest threads of this process hold. */
export interface OldestHeld {
  readonly sentAtMs: number;
  readonly receivedAtMs: number;
}

/** @param oldestHeld Read at every scrape; undefined when nothing is held, or no ingest runs here. */
export function addQueueMetrics(
  registry: Registry,
  watch: Pick<QueueWatch, 'latest' | 'backlog'>,
  oldestHeld: () => OldestHeld | undefined,
): void {
  const startedMs = Date.now();
  addSampledGauges(registry, {
    name: 'pulse_queue_deliveries',
    help: 'Deliveries that wait in the queue of pulses (main) and in that of dead letters (dead); what is held unacknowledged is not among them.',
    label: 'queue',
    read: () => mapSight(watch.latest, ({ readyCount }) => readyCount),
  });
  addSampledGauges(registry, {
    name: 'pulse_queue_consumers',
    help: 'Who takes from the queue of pulses (main) and from that of dead letters (dead), in all processes.',
    label: 'queue',
    read: () => mapSight(watch.latest, ({ consumerCount }) => consumerCount),
  });
  addSampledGauge(registry, {
    name: 'pulse_queue_backlog_seconds',
    help: 'For how long every look of this process, one in 5 s, has found pulses waiting. Where it once saw the queue empty, no waiting pulse is older.',
    read: () => {
      if (watch.latest === undefined) return undefined;
      const { sinceMs } = watch.backlog;
      return sinceMs === undefined ? 0 : secondsSince(Math.max(sinceMs, startedMs), Date.now());
    },
  });
  addSampledGauge(registry, {
    name: 'pulse_oldest_pulse_age_seconds',
    help:
      'Age of the oldest pulse that is not counted yet, as far as this process knows: of what its ingest threads hold, by the AMQP timestamp that the producer ' +
      'set, else since the receipt; and for how long pulses have waited while nobody took them. A timestamp is believed only as far back as the queue has not been seen empty. ' +
      'What other processes hold is not in it, nor is a backlog without timestamps while it is being taken: see pulse_queue_backlog_seconds. Take the maximum over all processes.',
    read: () => oldestPulseAgeSeconds(watch, oldestHeld(), Date.now()),
  });
}

/** Undefined while nothing is known: RabbitMQ does not answer and nothing is held. */
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
 * A producer may set the AMQP timestamp to when the pulse was used, hours ago. What was not in a queue that
 * was seen empty cannot have waited for longer than since then.
 */
function believableSentMs(held: OldestHeld, backlog: Backlog, nowMs: number): number {
  if (!backlog.wasEmpty) return held.sentAtMs;
  return Math.max(held.sentAtMs, Math.min(held.receivedAtMs, backlog.sinceMs ?? nowMs));
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
