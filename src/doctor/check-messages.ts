/** What `pulse doctor` checks about the chain: whether messages leave the outbox, and are handled. */
import type { Pool } from 'pg';
import type { Finding } from '../aggregate/redis-durability.ts';
import { count } from '../cli/wording.ts';
import { readOutboxDepth, type OutboxDepth } from '../messaging/relay-query.ts';
import { withRabbitConnection } from '../platform/rabbit-connection.ts';
import { hasExchange, readQueueDepth, type QueueDepth } from '../platform/topology.ts';
import { danger, ok, warning } from './findings.ts';

/** A relay needs a fraction of a second. */
export const OUTBOX_LATE_SECONDS = 60;

/** The names of what carries the messages of the chain. */
export interface MessageRoutes {
  readonly exchanges: readonly string[];
  /** Those that something must consume. */
  readonly queues: readonly string[];
}

export async function checkMessageRoutes(
  url: string,
  { exchanges, queues }: MessageRoutes,
): Promise<Finding[]> {
  return withRabbitConnection(url, { name: 'pulse doctor messages' }, async (connection) => {
    const missing: string[] = [];
    for (const exchange of exchanges) {
      if (!(await hasExchange(connection, exchange))) missing.push(exchange);
    }
    const depths = new Map<string, QueueDepth | undefined>();
    for (const queue of queues) depths.set(queue, await readQueueDepth(connection, queue));
    const ofQueues = judgeMessageQueues(depths);
    return areCreated(depths) ? [judgeMessageExchanges(missing), ...ofQueues] : ofQueues;
  });
}

function judgeMessageExchanges(missing: readonly string[]): Finding {
  const name = 'message exchanges';
  if (missing.length === 0) return ok(name, 'exist');
  return danger(
    name,
    `missing: ${missing.map((one) => `"${one}"`).join(', ')}. RabbitMQ refuses what is published there: ` +
      'messages stay in the outbox, and requests that need an answer fail. Restart the API, which creates and binds them',
  );
}

/** @param depths Of each queue; undefined when there is no such queue. */
export function judgeMessageQueues(depths: ReadonlyMap<string, QueueDepth | undefined>): Finding[] {
  return [...depths].map(([queue, depth]) => {
    if (depth !== undefined) return judgeMessageQueue(queue, depth);
    return areCreated(depths)
      ? warning(
          `queue ${queue}`,
          'does not exist, although others do: restart the API, which creates it',
        )
      : ok(`queue ${queue}`, 'does not exist yet; the API creates it');
  });
}

/** An API creates all of them when it starts. */
function areCreated(depths: ReadonlyMap<string, QueueDepth | undefined>): boolean {
  return [...depths.values()].some((depth) => depth !== undefined);
}

function judgeMessageQueue(queue: string, depth: QueueDepth): Finding {
  const name = `queue ${queue}`;
  const { readyCount, consumerCount } = depth;
  const detail = `${readyCount} ready, ${consumerCount} consumers`;
  if (readyCount === 0 || consumerCount > 0) return ok(name, detail);
  return warning(
    name,
    `${detail}: nothing handles these messages. Start \`pulse processor\` and \`pulse enricher\`, ` +
      'or find out why they wait',
  );
}

export async function checkOutbox(pool: Pool): Promise<Finding> {
  return judgeOutbox(await readOutboxDepth(pool));
}

export function judgeOutbox({ dueCount, oldestSeconds }: OutboxDepth): Finding {
  const name = 'outbox';
  if (dueCount === 0) return ok(name, 'nothing waits');
  const detail = `${count(dueCount, 'message')} not published, the oldest for ${Math.round(oldestSeconds)} s`;
  return oldestSeconds > OUTBOX_LATE_SECONDS
    ? warning(
        name,
        `${detail}: check that RabbitMQ takes publications, and that an API, a processor, an enricher, a sender or an exporter runs`,
      )
    : ok(name, detail);
}
