/** Messages, handlers and the outbox for Prometheus. */
import { Counter, Histogram, type Registry } from 'prom-client';
import { addSampledGauge, addSampledGauges } from '../platform/metrics.ts';
import type { QueueDepth } from '../platform/topology.ts';
import type { Watch } from '../platform/watch.ts';
import { MESSAGE_OUTCOMES, type MessageOutcome } from './handle-message.ts';
import type { QueuesWatch } from './queues-watch.ts';
import type { OutboxDepth } from './relay-query.ts';
import type { RpcClient } from './rpc-client.ts';

const SECONDS_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** @param queues The queues that this process handles. */
export function createHandlerMetrics(registry: Registry, queues: readonly string[]) {
  const registers = [registry];
  const handled = new Counter({
    name: 'pulse_messages_handled_total',
    help:
      'Messages by what became of them: done, duplicate, retried (tried again later), exhausted and ' +
      'impossible (dead letters), held (Postgres was unavailable; counted each time).',
    labelNames: ['queue', 'outcome'],
    registers,
  });
  const seconds = new Histogram({
    name: 'pulse_message_handling_seconds',
    help: 'Time from the delivery of a message to its outcome.',
    labelNames: ['queue'],
    buckets: SECONDS_BUCKETS,
    registers,
  });
  // Shown from the start: a series that begins with its first increment hides it from rate().
  for (const queue of queues) {
    for (const outcome of MESSAGE_OUTCOMES) handled.inc({ queue, outcome }, 0);
  }
  return {
    record: (queue: string, outcome: MessageOutcome, elapsedSeconds: number): void => {
      handled.inc({ queue, outcome });
      seconds.observe({ queue }, elapsedSeconds);
    },
  };
}

export function createRelayMetrics(registry: Registry) {
  const relayed = new Counter({
    name: 'pulse_outbox_relayed_total',
    help: 'Publications of the outbox that RabbitMQ has confirmed (published), or that failed and are tried again (failed).',
    labelNames: ['outcome'],
    registers: [registry],
  });
  for (const outcome of ['published', 'failed']) relayed.inc({ outcome }, 0);
  return {
    record: (outcome: 'published' | 'failed'): void => {
      relayed.inc({ outcome });
    },
  };
}

/** Counts the requests of a client and their outcomes. */
export function measureRpc(registry: Registry, client: RpcClient): RpcClient {
  const requests = new Counter({
    name: 'pulse_rpc_requests_total',
    help:
      'Requests over RabbitMQ: answered, late (RabbitMQ has the request, the answer did not come in time), failed ' +
      '(RabbitMQ did not confirm it).',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'pulse_rpc_answer_seconds',
    help: 'Time from a request over RabbitMQ to its answer.',
    buckets: SECONDS_BUCKETS,
    registers: [registry],
  });
  for (const outcome of ['answered', 'late', 'failed']) requests.inc({ outcome }, 0);
  return {
    get state() {
      return client.state;
    },
    async call(request, timeoutMs) {
      const startedMs = performance.now();
      try {
        const answer = await client.call(request, timeoutMs);
        requests.inc({ outcome: answer === undefined ? 'late' : 'answered' });
        if (answer !== undefined) seconds.observe((performance.now() - startedMs) / 1000);
        return answer;
      } catch (error) {
        requests.inc({ outcome: 'failed' });
        throw error;
      }
    },
    close: (timeoutMs) => client.close(timeoutMs),
  };
}

/** The outbox as this process sees it; the same in every process. */
export function addOutboxMetrics(
  registry: Registry,
  watch: Pick<Watch<OutboxDepth>, 'latest'>,
): void {
  addSampledGauge(registry, {
    name: 'pulse_outbox_messages',
    help: 'Publications in the outbox that are due and not confirmed yet, or that could not be published and are tried again.',
    read: () => watch.latest?.dueCount,
  });
  addSampledGauge(registry, {
    name: 'pulse_outbox_oldest_seconds',
    help: 'For how long the oldest of them has waited.',
    read: () => watch.latest?.oldestSeconds,
  });
  addSampledGauge(registry, {
    name: 'pulse_outbox_delayed_messages',
    help: 'Messages in the outbox that are scheduled for later, such as retries.',
    read: () => watch.latest?.delayedCount,
  });
}

/** The queues as this process sees them; the same in every process. @param asked Queues that need no consumer. */
export function addQueuesMetrics(
  registry: Registry,
  watch: Pick<QueuesWatch, 'latest'>,
  asked: readonly string[],
): void {
  const each =
    (read: (depth: QueueDepth) => number, without: readonly string[] = []) =>
    (): Record<string, number> =>
      Object.fromEntries(
        Object.entries(watch.latest ?? {})
          .filter(([queue]) => !without.includes(queue))
          .map(([queue, depth]) => [queue, read(depth)]),
      );
  addSampledGauges(registry, {
    name: 'pulse_message_queue_messages',
    help: 'Messages waiting in a queue, without unacknowledged ones.',
    label: 'queue',
    read: each(({ readyCount }) => readyCount),
  });
  addSampledGauges(registry, {
    name: 'pulse_message_queue_consumers',
    help: 'Consumers of a queue, in all processes.',
    label: 'queue',
    read: each(({ consumerCount }) => consumerCount, asked),
  });
}
