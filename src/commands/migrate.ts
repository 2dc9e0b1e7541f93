/** `pulse migrate`. */
import type { Command } from 'commander';
import { runMigrations } from '../platform/migrate.ts';
import { waitForPostgres } from '../platform/postgres.ts';
import {
  EXIT_DONE,
  runAction,
  toJson,
  withExamples,
  type CommandEnvironment,
} from '../cli/command.ts';
import { findServers } from '../cli/servers.ts';

export function addMigrateCommand(
  program: Command,
  environment: CommandEnvironment,
  setExitCode: (code: number) => void,
): void {
  const command = program
    .command('migrate')
    .description('Bring the Postgres schema up to date. Safe to repeat, and while Pulse runs.')
    .option('--json', 'print the names of the migrations that were run as JSON')
    .action(async (flags: { json?: true }) => {
      setExitCode(
        await runAction(environment, { api: false }, async (run) => {
          const { databaseUrl } = findServers(run);
          const { logger, stop } = run;
          await waitForPostgres(databaseUrl, {
            timeoutMs: run.config.startTimeoutMs,
            logger,
            signal: stop,
          });
          const migrations = await runMigrations(databaseUrl, logger);
          if (flags.json === true) run.print(toJson({ migrations }));
          else if (migrations.length === 0) run.print('The schema is up to date.');
          else for (const name of migrations) run.print(`migrated ${name}`);
          return EXIT_DONE;
        }),
      );
    });
  withExamples(command, 'pulse migrate');
}
