/** `pulse retention`, and the schedule that does the same daily. */
import type { Pool } from 'pg';
import { openPool } from '../cli/clients.ts';
import { EXIT_DONE } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import type { Part } from '../cli/part.ts';
import { dropMonths, listMonthsBefore } from '../platform/partitions.ts';
import { startWatch } from '../platform/watch.ts';

/** In this order: attempts before the deliveries that they belong to, and those before their messages. */
const TABLES = ['delivery_attempts', 'deliveries', 'messages'] as const;
const DAY_MS = 86_400_000;

/** Drops the months that are wholly older than `days`. @returns Their names. */
async function dropOldMonths(
  pool: Pool,
  { days, dryRun }: { readonly days: number; readonly dryRun: boolean },
): Promise<string[]> {
  const before = new Date(Date.now() - days * DAY_MS);
  const dropped: string[] = [];
  for (const table of TABLES) {
    const months = await listMonthsBefore(pool, table, before);
    dropped.push(...(dryRun ? months : await dropMonths(pool, table, months)));
  }
  return dropped;
}

export const retention = defineCommand({
  options: { dryRun: { about: 'only say what would be dropped' } },
  json: true,
  examples: ['pulse retention --dry-run', 'pulse retention'],
  async run(run) {
    const days = run.config.events.retentionDays;
    const pool = await openPool(run, 'pulse retention');
    const { dryRun } = run.flags;
    const months = await dropOldMonths(pool, { days, dryRun });
    const verb = dryRun ? 'Would drop' : 'Dropped';
    run.answer(
      { retention_days: days, dry_run: dryRun, months },
      months.length === 0
        ? `No month ended more than ${days} days ago.`
        : `${verb} ${months.join(', ')}.`,
    );
    return EXIT_DONE;
  },
});

/** Drops old months daily. Any number of processes may do so: a month that is gone is not an error. */
export const retentionPart: Part = {
  name: 'retention',
  start({ config, logger, closer }, { pool }) {
    const watch = startWatch({
      name: 'retention',
      intervalMs: DAY_MS,
      logger,
      async look() {
        const days = config.events.retentionDays;
        const months = await dropOldMonths(pool, { days, dryRun: false });
        if (months.length > 0) logger.info({ months }, 'months dropped');
        return months.length;
      },
    });
    closer.add('retention', () => {
      watch.close();
    });
  },
};
