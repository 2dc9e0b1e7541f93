/** What `pulse doctor` checks on RabbitMQ: the exchanges and queues of pulses. It creates and changes nothing. */
import { withRabbitConnection } from '../platform/rabbit-connection.ts';
import {
  lookAtTopology,
  readQueueDepth,
  topologyNames,
  type QueueDepth,
  type TopologyNames,
  type TopologySight,
} from '../platform/topology.ts';
import type { Finding } from '../aggregate/redis-durability.ts';
import { checkPublishing } from './check-publishing.ts';
import { atLeast, danger, ok, warning } from './findings.ts';
import { runChecks } from './run-checks.ts';

/** @param isPaused Asked when pulses wait and nothing consumes them. */
export async function checkRabbit(
  url: string,
  queue: string,
  isPaused: () => Promise<boolean>,
): Promise<Finding[]> {
  return withRabbitConnection(url, { name: 'pulse doctor' }, async (connection) => {
    const { version } = connection.connection.serverProperties;
    const names = topologyNames(queue);
    const depthOf = (name: string) => readQueueDepth(connection, name);
    let sights: readonly TopologySight[] | undefined;
    const findings = await runChecks([
      ['rabbitmq version', () => Promise.resolve(atLeast('rabbitmq version', version, '3.10'))],
      [
        'rabbitmq exchanges',
        async () => {
          sights = await lookAtTopology(connection, queue);
          return sights.some(({ exists }) => exists)
            ? judgeExchanges(sights)
            : warning('rabbitmq queue', `"${queue}" does not exist yet; a start creates it`);
        },
      ],
    ]);
    if (sights?.every(({ exists }) => !exists) === true) return findings;
    const mayPublish =
      sights?.some(({ name, exists }) => !exists && name === names.exchange) !== true;
    const ofQueues = await runChecks([
      ['rabbitmq queue', async () => judgePulseQueue(queue, await depthOf(names.queue), isPaused)],
      [
        'rabbitmq dead letters',
        async () => judgeDeadQueue(await depthOf(names.deadQueue), names.deadQueue),
      ],
      ['rabbitmq parked', async () => judgeParkedQueue(await depthOf(names.parkedQueue), names)],
      [
        'rabbitmq publishing',
        async () => (mayPublish ? checkPublishing(url, names.exchange) : undefined),
      ],
    ]);
    return [...findings, ...ofQueues];
  });
}

const RESTART = 'Restart a worker, which creates it';

/** To declare a missing one would hide that somebody has deleted it. */
function judgeExchanges(sights: readonly TopologySight[]): Finding {
  const name = 'rabbitmq exchanges';
  const missing = sights.flatMap(({ kind, exists, name: missed }) =>
    kind === 'exchange' && !exists ? [`"${missed}"`] : [],
  );
  if (missing.length === 0) return ok(name, 'exist');
  return danger(
    name,
    `missing: ${missing.join(', ')}. RabbitMQ refuses what is published there, pulses or dead letters. ` +
      'Restart a worker, which creates and binds them',
  );
}

async function judgePulseQueue(
  queue: string,
  depth: QueueDepth | undefined,
  isPaused: () => Promise<boolean>,
): Promise<Finding> {
  if (depth === undefined) {
    return danger('rabbitmq queue', `"${queue}" does not exist: no pulse is taken. ${RESTART}`);
  }
  return judgeQueue(depth, depth.consumerCount === 0 && (await isPaused()));
}

export function judgeQueue({ readyCount, consumerCount }: QueueDepth, paused: boolean): Finding {
  const name = 'rabbitmq queue';
  const detail = `quorum, ${readyCount} ready, ${consumerCount} consumers`;
  if (readyCount === 0 || consumerCount > 0) return ok(name, detail);
  return paused
    ? warning(name, `${detail}: ingest is paused`)
    : danger(
        name,
        `${detail}: nothing counts these pulses. Start a worker, or find out why it waits`,
      );
}

const DEAD_LETTERS_WARNING = 1_000;

/** @param depth Undefined when there is no such queue. */
export function judgeDeadQueue(depth: QueueDepth | undefined, deadQueue: string): Finding {
  const name = 'rabbitmq dead letters';
  if (depth === undefined) {
    return danger(
      name,
      `the queue "${deadQueue}" does not exist, so refused pulses cannot reach the quarantine. ` +
        RESTART,
    );
  }
  const { readyCount, consumerCount } = depth;
  const detail = `${readyCount} wait for the quarantine writer`;
  if (readyCount > 0 && consumerCount === 0) {
    return danger(name, `${detail}, and none runs: start a worker`);
  }
  return readyCount > DEAD_LETTERS_WARNING
    ? warning(name, `${detail}: check that Postgres answers`)
    : ok(name, detail);
}

/** @param depth Undefined when there is no such queue. */
export function judgeParkedQueue(
  depth: QueueDepth | undefined,
  { deadQueue, parkedQueue }: Pick<TopologyNames, 'deadQueue' | 'parkedQueue'>,
): Finding {
  const name = 'rabbitmq parked';
  if (depth === undefined) {
    return warning(
      name,
      `the queue "${parkedQueue}" does not exist, so a dead letter that Postgres refuses stays in "${deadQueue}". ` +
        RESTART,
    );
  }
  const { readyCount } = depth;
  if (readyCount === 0) return ok(name, 'none: every dead letter can be stored');
  return danger(
    name,
    `${readyCount} in "${parkedQueue}" that Postgres cannot store: they are not counted and not in the quarantine. ` +
      'Look at them, fix the cause and move them back, as docs/runbooks/dead-letters-parked.md says',
  );
}
