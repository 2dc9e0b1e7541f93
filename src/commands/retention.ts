/** `pulse retention`, and the schedules that do the same. */
import type { Pool } from 'pg';
import { countRefusals } from '../access/audit-query.ts';
import { forgetRefusals } from '../access/forget-refusals.ts';
import { openPool } from '../cli/clients.ts';
import { EXIT_DONE } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import type { Part } from '../cli/part.ts';
import { count } from '../cli/wording.ts';
import type { Config } from '../config.ts';
import { countDeleted } from '../delivery/endpoints-query.ts';
import { forgetEndpoints, forgottenBefore } from '../delivery/forget-endpoints.ts';
import { withChildSignal } from '../platform/child-signal.ts';
import { dropMonths, listMonthsBefore } from '../platform/partitions.ts';
import { startWatch } from '../platform/watch.ts';
import { deleteExpired } from '../workflows/delete-expired.ts';
import { countConsumed } from '../workflows/workflows-query.ts';

/** In this order: attempts before the deliveries that they belong to, and those before their messages. */
const TABLES = ['delivery_attempts', 'deliveries', 'messages'] as const;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Less than a look may take; the next one deletes the rest. */
const LOOK_MS = 5_000;

const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS);

/** Drops the months that are wholly older than `days`. @returns Their names. */
async function dropOldMonths(
  pool: Pool,
  { days, dryRun }: { readonly days: number; readonly dryRun: boolean },
): Promise<string[]> {
  const before = daysAgo(days);
  const dropped: string[] = [];
  for (const table of TABLES) {
    const months = await listMonthsBefore(pool, table, before);
    dropped.push(...(dryRun ? months : await dropMonths(pool, table, months)));
  }
  return dropped;
}

/** Removes deleted endpoints, unless a month of their deliveries or attempts could not be dropped. */
async function forgetOldEndpoints(
  pool: Pool,
  { days, signal }: { readonly days: number; readonly signal: AbortSignal },
): Promise<number> {
  const before = daysAgo(days);
  for (const table of ['delivery_attempts', 'deliveries']) {
    if ((await listMonthsBefore(pool, table, before)).length > 0) return 0;
  }
  return forgetEndpoints(pool, { before, signal });
}

export const retention = defineCommand({
  options: { dryRun: { about: 'only say what would be dropped and deleted' } },
  json: true,
  examples: ['pulse retention --dry-run', 'pulse retention'],
  async run(run) {
    const { retentionDays: days } = run.config.events;
    const { retentionDays: workflowDays } = run.config.workflows;
    const { refusalsDays } = run.config.audit;
    const pool = await openPool(run, 'pulse retention');
    const { dryRun } = run.flags;
    const deleted = dryRun ? 'Would delete' : 'Deleted';
    const months = await dropOldMonths(pool, { days, dryRun });
    const endpoints = dryRun
      ? await countDeleted(pool, forgottenBefore(daysAgo(days)))
      : await forgetOldEndpoints(pool, { days, signal: run.stop });
    const before = daysAgo(workflowDays);
    const workflows = dryRun
      ? await countConsumed(pool, before)
      : await deleteExpired(pool, { before, signal: run.stop });
    const refusals = dryRun
      ? await countRefusals(pool, refusalsDays)
      : await forgetRefusals(pool, { days: refusalsDays, signal: run.stop });
    run.answer(
      {
        retention_days: days,
        dry_run: dryRun,
        months,
        endpoints,
        workflow_retention_days: workflowDays,
        workflows,
        audit_refusals_days: refusalsDays,
        refusals,
      },
      [
        months.length === 0
          ? `No month ended more than ${days} days ago.`
          : `${dryRun ? 'Would drop' : 'Dropped'} ${months.join(', ')}.`,
        endpoints === 0
          ? 'No deleted endpoint has lost its last delivery.'
          : `${dryRun ? 'Would remove' : 'Removed'} ${count(endpoints, 'deleted endpoint')}, whose deliveries are dropped.`,
        workflows === 0
          ? `No workflow was consumed more than ${workflowDays} days ago.`
          : `${deleted} ${count(workflows, 'workflow')}, consumed more than ${workflowDays} days ago.`,
        refusals === 0
          ? `No refusal in the audit log is more than ${refusalsDays} days old.`
          : `${deleted} ${count(refusals, 'refusal')} in the audit log, more than ${refusalsDays} days old.`,
      ],
    );
    return EXIT_DONE;
  },
});

/**
 * Drops old months daily, and what remains of endpoints without them. Any number of processes may do so: a month that is
 * gone is not an error.
 */
export const retentionPart: Part = {
  name: 'retention',
  start({ config, logger, closer }, { pool }) {
    const closing = new AbortController();
    const watch = startWatch({
      name: 'retention',
      intervalMs: DAY_MS,
      logger,
      async look() {
        const days = config.events.retentionDays;
        const months = await dropOldMonths(pool, { days, dryRun: false });
        if (months.length > 0) logger.info({ months }, 'months dropped');
        const endpoints = await forgetOldEndpoints(pool, { days, signal: closing.signal });
        if (endpoints > 0) logger.info({ endpoints }, 'deleted endpoints removed');
        return months.length + endpoints;
      },
    });
    closer.add('retention', () => {
      closing.abort();
      watch.close();
    });
  },
};

/** Deletes a few every minute, rather than those of a day at once. */
function everyMinute(
  name: string,
  {
    text,
    remove,
  }: {
    /** Of the log line about what was deleted. */
    readonly text: string;
    readonly remove: (pool: Pool, config: Config, signal: AbortSignal) => Promise<number>;
  },
): Part {
  return {
    name,
    start({ config, logger, closer }, { pool }) {
      const closing = new AbortController();
      const watch = startWatch({
        name,
        intervalMs: MINUTE_MS,
        logger,
        async look() {
          const ends = [closing.signal, AbortSignal.timeout(LOOK_MS)];
          const deletedCount = await withChildSignal(ends, (end) => remove(pool, config, end));
          if (deletedCount > 0) logger.info({ deletedCount }, text);
          return deletedCount;
        },
      });
      closer.add(name, () => {
        closing.abort();
        watch.close();
      });
    },
  };
}

export const workflowRetentionPart = everyMinute('retention of workflows', {
  text: 'expired workflows deleted',
  remove: (pool, { workflows }, signal) =>
    deleteExpired(pool, { before: daysAgo(workflows.retentionDays), signal }),
});

export const refusalRetentionPart = everyMinute('retention of refusals', {
  text: 'old refusals deleted from the audit log',
  remove: (pool, { audit }, signal) => forgetRefusals(pool, { days: audit.refusalsDays, signal }),
});
