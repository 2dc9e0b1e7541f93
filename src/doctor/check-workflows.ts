/** What `pulse doctor` checks about workflows: whether those that wait have messages, without which nobody gets them. */
import type { Pool } from 'pg';
import type { Finding } from '../aggregate/redis-durability.ts';
import { count } from '../cli/wording.ts';
import { codeOf } from '../core/errors.ts';
import { countOutboxOf } from '../messaging/relay-query.ts';
import { sleep } from '../platform/backoff.ts';
import { withRabbitConnection } from '../platform/rabbit-connection.ts';
import { readQueueDepth } from '../platform/topology.ts';
import { countInserted } from '../workflows/workflows-query.ts';
import { workflowQueues } from '../workflows/workflows-queues.ts';
import { ok, warning } from './findings.ts';

export interface WorkflowDeps {
  readonly pool: Pool;
  readonly servers: { readonly rabbitmqUrl: string };
  /** Of the names of exchanges and queues. */
  readonly messagePrefix: string;
}

/** The messages of newer ones are on their way. */
const MIN_AGE_MS = 60_000;
/** A message that a caller is taking is missed for a moment. */
const LOOKS_MAX = 3;
const LOOK_INTERVAL_MS = 300;

/** @returns Undefined when RabbitMQ does not answer, which is a finding of its own. */
export async function checkWorkflows(deps: WorkflowDeps): Promise<Finding | undefined> {
  const { rabbitmqUrl } = deps.servers;
  const { exchange, queue } = workflowQueues(deps.messagePrefix).inserted;
  const before = new Date(Date.now() - MIN_AGE_MS);
  try {
    return await withRabbitConnection(
      rabbitmqUrl,
      { name: 'pulse doctor workflows' },
      async (connection) => {
        for (let look = 1; ; look++) {
          // In the order in which messages move, so that none is missed on its way.
          const unpublished = await countOutboxOf(deps.pool, exchange);
          const ready = (await readQueueDepth(connection, queue))?.readyCount ?? 0;
          const waiting = await countInserted(deps.pool, before);
          const isOver = waiting <= ready + unpublished || look === LOOKS_MAX;
          if (isOver) return judgeWorkflows({ waiting, ready, unpublished });
          await sleep(LOOK_INTERVAL_MS);
        }
      },
    );
  } catch (error) {
    if (codeOf(error) === 'PULSE_RABBIT_UNREACHABLE') return undefined;
    throw error;
  }
}

/** @param found `waiting` for more than a minute; `ready` in the queue; `unpublished` in the outbox. */
function judgeWorkflows(found: {
  readonly waiting: number;
  readonly ready: number;
  readonly unpublished: number;
}): Finding {
  const { waiting, ready, unpublished } = found;
  const name = 'workflows';
  if (waiting === 0) return ok(name, 'none has waited for a minute');
  const waits = `${count(waiting, 'workflow')} waiting for more than a minute, ${count(ready, 'message')} ready`;
  if (waiting <= ready + unpublished) return ok(name, waits);
  return warning(
    name,
    `${waits}: messages are missing, so nobody is given these workflows. ` +
      '`pulse workflows requeue` publishes new ones',
  );
}
