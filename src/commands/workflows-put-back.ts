/** `pulse workflows put-back`: what `PATCH /workflow/{uuid}` with `{"status": "inserted"}` does. */
import { insertAudit } from '../access/audit.ts';
import { sourceFrom } from '../cli/access-options.ts';
import { ACTOR, actorName } from '../cli/actor.ts';
import { openPool } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { UUID } from '../core/uuid.ts';
import { NO_ORIGIN } from '../messaging/message.ts';
import { withTransaction } from '../platform/postgres.ts';
import { insertAgain } from '../workflows/change-status.ts';
import { refuseTooMany } from '../workflows/workflows-limits.ts';
import { lockWorkflow } from '../workflows/workflows-query.ts';

export const putBackWorkflow = defineCommand({
  summary: 'Put a consumed workflow back into the queue, behind those that wait.',
  argument: '<uuid>',
  options: ACTOR,
  json: true,
  examples: ['pulse workflows put-back 6c1de0a2-94f3-4f6c-9c3b-5f1a2b7e8d90'],
  async run(run) {
    const id = run.argument;
    const actor = actorName(run.flags);
    const pool = await openPool(run, 'pulse workflows');
    const { prefix } = run.config.messages;
    const outcome = await withTransaction(pool, async (client) => {
      const workflow = UUID.test(id) ? await lockWorkflow(client, id) : undefined;
      if (workflow === undefined) return 'missing';
      if (workflow.status === 'inserted') return 'waiting';
      if (!workflow.isQueued) await refuseTooMany(client, workflow.share);
      await insertAgain({ client, prefix, origin: NO_ORIGIN, actor }, workflow);
      const subject = `put back workflow ${id}`;
      await insertAudit(client, { ...sourceFrom(run.flags), action: 'changed', subject });
      return 'put_back';
    });
    if (outcome === 'missing') {
      run.tell(`pulse: There is no workflow ${id}. \`pulse workflows list\` lists them.`);
      return EXIT_FAILED;
    }
    const line = outcome === 'waiting' ? `${id} waits already.` : `${id} is back in the queue.`;
    run.answer({ uuid: id, outcome }, [line]);
    return EXIT_DONE;
  },
});
