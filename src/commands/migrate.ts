/** `pulse migrate`. */
import { EXIT_DONE, waitOptions } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { findServers } from '../cli/servers.ts';
import { runMigrations } from '../platform/migrate.ts';
import { waitForPostgres } from '../platform/postgres.ts';

export const migrate = defineCommand({
  json: 'print the names of the migrations that ran as JSON',
  examples: ['pulse migrate'],
  async run(run) {
    const { databaseUrl } = findServers(run);
    await waitForPostgres(databaseUrl, waitOptions(run));
    const migrations = await runMigrations(databaseUrl, run.logger);
    const lines = migrations.map((name) => `migrated ${name}`);
    run.answer({ migrations }, lines.length === 0 ? 'The schema is up to date.' : lines);
    return EXIT_DONE;
  },
});
