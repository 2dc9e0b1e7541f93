/** `pulse workflows requeue`: new messages for workflows whose messages are lost. */
import { insertAudit } from '../access/audit.ts';
import { sourceFrom } from '../cli/access-options.ts';
import { ACTOR } from '../cli/actor.ts';
import { openPool } from '../cli/clients.ts';
import { EXIT_DONE, type CommandRun } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { findServers } from '../cli/servers.ts';
import { count } from '../cli/wording.ts';
import { declareQueues } from '../messaging/queues.ts';
import { withRabbitConnection } from '../platform/rabbit-connection.ts';
import { readQueueDepth, topologyNames } from '../platform/topology.ts';
import { requeue } from '../workflows/requeue.ts';
import { countInserted } from '../workflows/workflows-query.ts';
import { workflowQueues } from '../workflows/workflows-queues.ts';

/** The messages of newer ones are on their way. */
const MIN_AGE_MS = 60_000;

export const requeueWorkflows = defineCommand({
  summary: 'Publish new messages for waiting workflows whose messages were lost.',
  options: {
    all: { about: 'even if the queue has as many messages as workflows wait' },
    dryRun: { about: 'only count' },
    ...ACTOR,
  },
  json: true,
  examples: ['pulse workflows requeue --dry-run', 'pulse workflows requeue'],
  async run(run) {
    const { all, dryRun } = run.flags;
    const pool = await openPool(run, 'pulse workflows');
    const before = new Date(Date.now() - MIN_AGE_MS);
    const messages = await readDepth(run);
    const waiting = await countInserted(pool, before);
    const isNeeded = all || messages < waiting;
    const { prefix } = run.config.messages;
    const requeued =
      isNeeded && !dryRun ? await requeue(pool, { prefix, before, signal: run.stop }) : 0;
    if (requeued > 0) {
      const subject = `requeue ${count(requeued, 'workflow')}`;
      await insertAudit(pool, { ...sourceFrom(run.flags), action: 'changed', subject });
    }
    run.answer({ waiting, messages, dry_run: dryRun, requeued }, [
      `Waiting for more than a minute: ${count(waiting, 'workflow')}. In the queue: ${count(messages, 'message')}.`,
      ...(isNeeded
        ? [
            dryRun
              ? `Would publish ${count(waiting, 'new message')}.`
              : `Published ${count(requeued, 'new message')}. The messages that they replace are skipped.`,
          ]
        : [
            'No message seems to be missing. If some in the queue are of consumed workflows, use --all.',
          ]),
    ]);
    return EXIT_DONE;
  },
});

/** Declares the queue first, in case it was deleted. @returns The messages that nobody has taken. */
function readDepth(run: CommandRun): Promise<number> {
  const { inserted } = workflowQueues(run.config.messages.prefix);
  const { deadExchange } = topologyNames(run.config.queue);
  const { rabbitmqUrl } = findServers(run);
  return withRabbitConnection(rabbitmqUrl, { name: 'pulse workflows' }, async (connection) => {
    await declareQueues(connection, [inserted], deadExchange);
    return (await readQueueDepth(connection, inserted.queue))?.readyCount ?? 0;
  });
}
