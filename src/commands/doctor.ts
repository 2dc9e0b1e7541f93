/** `pulse doctor`. */
import type { Finding } from '../aggregate/redis-durability.ts';
import { openClients } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED, waitOptions } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { examine } from '../doctor/examine.ts';
import { messageRoutes } from './message-queues.ts';

/** How long Redis may take to answer. */
const ANSWER_TIMEOUT_MS = 5_000;

export const doctor = defineCommand({
  json: true,
  examples: ['pulse doctor', 'pulse doctor --json'],
  async run(run) {
    const { queue, ingest, flush, messages } = run.config;
    const findings = await examine({
      ...openClients(run),
      queue,
      messageRoutes: messageRoutes(messages.prefix),
      messagePrefix: messages.prefix,
      windowSeconds: ingest.windowSeconds,
      flushCron: flush.cron,
      redisWait: waitOptions(run, ANSWER_TIMEOUT_MS),
    });
    run.answer({ findings }, findings.map(describe));
    return findings.some(({ status }) => status === 'danger') ? EXIT_FAILED : EXIT_DONE;
  },
});

const MARKS: Record<Finding['status'], string> = {
  ok: 'ok     ',
  warning: 'warning',
  danger: 'DANGER ',
};

function describe({ name, status, detail }: Finding): string {
  return `${MARKS[status]}  ${name.padEnd(24)} ${detail}`;
}
