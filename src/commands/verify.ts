/** `pulse verify`. */
import type { Command } from 'commander';
import { verifyBooks, type Books } from '../flush/books.ts';
import {
  EXIT_DONE,
  EXIT_FAILED,
  runAction,
  toJson,
  withExamples,
  type CommandEnvironment,
} from '../cli/command.ts';
import { waitForServers } from '../cli/prepare-servers.ts';
import { findServers } from '../cli/servers.ts';
import { openAccumulator, openClients } from '../cli/clients.ts';

export function addVerifyCommand(
  program: Command,
  environment: CommandEnvironment,
  setExitCode: (code: number) => void,
): void {
  const command = program
    .command('verify')
    .description(
      'Check that the books balance: counted = flushed + sealed + live. Exits 1 with the difference if not.',
    )
    .option('--json', 'print the books as JSON')
    .action(async (flags: { json?: true }) => {
      setExitCode(
        await runAction(environment, { api: false }, async (run) => {
          const clients = openClients(run, findServers(run));
          await waitForServers(run, clients);
          const accumulator = openAccumulator(run, clients.redis);
          const books = await verifyBooks({ accumulator, pool: clients.pool });
          if (flags.json === true) run.print(toJson(books));
          else for (const line of describeBooks(books)) run.print(line);
          return books.balanced ? EXIT_DONE : EXIT_FAILED;
        }),
      );
    });
  withExamples(command, 'pulse verify', 'pulse verify --json');
}

function describeBooks(books: Books): string[] {
  const line = (name: string, count: bigint, meaning: string): string =>
    `${name.padEnd(13)}${String(count).padStart(16)}  ${meaning}`;
  const lines = [
    line('counted', books.counted, 'pulses added to sums, ever'),
    line('  flushed', books.flushed, 'of them in Postgres'),
    line('  sealed', books.sealed, 'of them frozen, on their way to Postgres'),
    line('  live', books.live, 'of them in the current sums'),
    line('duplicates', books.duplicates, 'refused because their id was seen'),
    line('dead letters', books.deadLetters, 'in the quarantine'),
    line('drift', books.drift, books.balanced ? 'the books balance' : driftMeaning(books.drift)),
  ];
  if (!books.balanced) {
    for (const { shard, drift } of books.perShard) {
      if (drift !== 0n) lines.push(`  shard ${shard}: drift ${drift}`);
    }
  }
  return lines;
}

function driftMeaning(drift: bigint): string {
  return drift > 0n
    ? 'PULSES ARE MISSING between Redis and Postgres'
    : 'MORE PULSES in the sums than were counted (or shards that cancel out, see below)';
}
