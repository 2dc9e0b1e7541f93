/** `pulse verify`. */
import { assertWhole, openClients } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { waitForServers } from '../cli/prepare-servers.ts';
import { toSnakeCase } from '../cli/wording.ts';
import { verifyBooks, type Books } from '../flush/books.ts';

export const verify = defineCommand({
  json: true,
  examples: ['pulse verify', 'pulse verify --json'],
  async run(run) {
    const clients = openClients(run);
    await waitForServers(run, clients);
    // The books of too few shards, or of a Redis that has lost its data, may balance.
    await assertWhole(run, clients);
    const books = await verifyBooks(clients);
    run.answer(toSnakeCase(books), describeBooks(books));
    return books.balanced ? EXIT_DONE : EXIT_FAILED;
  },
});

function describeBooks(books: Books): string[] {
  const line = (name: string, count: bigint, meaning: string): string =>
    `${name.padEnd(13)}${String(count).padStart(16)}  ${meaning}`;
  const lines = [
    line('appended', books.appended, 'pulses ever written to the journal'),
    line('journalled', books.journalled, 'of these, not added to sums yet'),
    line('counted', books.counted, 'pulses ever added to sums'),
    line('  flushed', books.flushed, 'of these, in Postgres'),
    line('  sealed', books.sealed, 'of these, frozen and on their way to Postgres'),
    line('  live', books.live, 'of these, in the current sums'),
    line('duplicates', books.duplicates, 'refused because their id was seen before'),
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
    : 'MORE PULSES in the sums than were counted (or shards cancel each other out, see below)';
}
