import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import {
  followBacklog,
  NO_BACKLOG,
  type Backlog,
  type QueueSight,
} from '../../src/ingest/queue-watch.ts';
import { addQueueMetrics, oldestPulseAgeSeconds } from '../../src/ingest/queue-metrics.ts';

const depth = (readyCount: number, consumerCount = 1) => ({ readyCount, consumerCount });
const sight = (readyCount: number) => ({
  main: depth(readyCount),
  dead: depth(0),
  parked: depth(0, 0),
});

describe('the backlog', () => {
  test('lasts from the first check that finds pulses waiting to the first that finds none', () => {
    let backlog: Backlog = NO_BACKLOG;
    const looks: [ready: number, consumers: number, expected: Partial<Backlog>][] = [
      [5, 1, { sinceMs: 0, untakenSinceMs: undefined, wasEmpty: false }],
      [9, 0, { sinceMs: 0, untakenSinceMs: 1_000, wasEmpty: false }],
      [9, 0, { sinceMs: 0, untakenSinceMs: 1_000 }],
      [9, 2, { sinceMs: 0, untakenSinceMs: undefined }],
      [9, 0, { sinceMs: 0, untakenSinceMs: 4_000 }],
      [0, 0, { sinceMs: undefined, untakenSinceMs: undefined, wasEmpty: true }],
      [1, 1, { sinceMs: 6_000, wasEmpty: true }],
    ];
    looks.forEach(([ready, consumers, expected], index) => {
      backlog = followBacklog(backlog, depth(ready, consumers), index * 1_000);
      expect(backlog).toMatchObject(expected);
    });
  });
});

describe('the age of the oldest pulse', () => {
  const nowMs = 1_000_000;
  const seen = { sinceMs: undefined, untakenSinceMs: undefined, wasEmpty: true };

  test('is unknown while RabbitMQ does not answer, and 0 when nothing waits', () => {
    const unseen = { latest: undefined, backlog: NO_BACKLOG };
    expect(oldestPulseAgeSeconds(unseen, undefined, nowMs)).toBeUndefined();
    expect(oldestPulseAgeSeconds({ latest: sight(0), backlog: seen }, undefined, nowMs)).toBe(0);
  });

  test('is that of held deliveries, by timestamp, if the queue has not been empty since', () => {
    const held = { sentAtMs: nowMs - 60_000, receivedAtMs: nowMs - 100 };
    const backlog = { ...seen, sinceMs: nowMs - 90_000 };
    expect(oldestPulseAgeSeconds({ latest: sight(9), backlog }, held, nowMs)).toBe(60);
  });

  test('limits a timestamp from before the queue was empty, because it is the time of use', () => {
    const held = { sentAtMs: nowMs - 3_600_000, receivedAtMs: nowMs - 100 };
    expect(oldestPulseAgeSeconds({ latest: sight(0), backlog: seen }, held, nowMs)).toBe(0.1);
    const backlog = { ...seen, sinceMs: nowMs - 7_000 };
    expect(oldestPulseAgeSeconds({ latest: sight(9), backlog }, held, nowMs)).toBe(7);
  });

  test('uses such a timestamp if the queue was never seen empty, because there was a backlog at the start', () => {
    const held = { sentAtMs: nowMs - 3_600_000, receivedAtMs: nowMs - 100 };
    const backlog = { ...NO_BACKLOG, sinceMs: nowMs - 7_000 };
    expect(oldestPulseAgeSeconds({ latest: sight(9), backlog }, held, nowMs)).toBe(3_600);
  });

  test('grows while there are no consumers, even if RabbitMQ stops answering', () => {
    const backlog = { ...seen, sinceMs: nowMs - 50_000, untakenSinceMs: nowMs - 40_000 };
    for (const latest of [sight(9), undefined]) {
      expect(oldestPulseAgeSeconds({ latest, backlog }, undefined, nowMs)).toBe(40);
    }
  });

  test('is never below zero, although clocks differ', () => {
    const held = { sentAtMs: nowMs + 500, receivedAtMs: nowMs + 500 };
    expect(oldestPulseAgeSeconds({ latest: sight(0), backlog: NO_BACKLOG }, held, nowMs)).toBe(0);
  });
});

describe('the depths', () => {
  const render = (latest: QueueSight | undefined) => {
    const registry = new Registry();
    addQueueMetrics(registry, { latest, backlog: NO_BACKLOG }, () => undefined);
    return registry.metrics();
  };

  test('are those of pulses, dead letters and parked dead letters, which nothing consumes', async () => {
    const text = await render({ main: depth(3), dead: depth(2), parked: depth(1, 0) });
    expect(text).toContain('pulse_queue_deliveries{queue="main"} 3\n');
    expect(text).toContain('pulse_queue_deliveries{queue="dead"} 2\n');
    expect(text).toContain('pulse_queue_deliveries{queue="parked"} 1\n');
    expect(text).not.toContain('pulse_queue_consumers{queue="parked"}');
  });

  test('of pulses are known while the parked queue does not exist', async () => {
    const text = await render({ main: depth(3), dead: depth(2), parked: undefined });
    expect(text).toContain('pulse_queue_deliveries{queue="main"} 3\n');
    expect(text).not.toContain('queue="parked"');
  });
});
