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
    line(
      'dead letters',
      books.deadLetters,
      'pulses ever put into the quarantine, replayed and discarded ones too',
    ),
    line('journal drift', books.journalDrift, journalDriftMeaning(books.journalDrift)),
    line('drift', books.drift, books.balanced ? 'the books balance' : driftMeaning(books.drift)),
  ];
  if (!books.balanced) {
    for (const { shard, drift, journalDrift } of books.perShard) {
      if (drift !== 0n) lines.push(`  shard ${shard}: drift ${drift}`);
      if (journalDrift !== 0n) lines.push(`  shard ${shard}: journal drift ${journalDrift}`);
    }
  }
  return lines;
}

function journalDriftMeaning(drift: bigint): string {
  if (drift === 0n) return 'whatever was appended is counted, a duplicate or journalled';
  return drift > 0n
    ? 'PULSES ARE MISSING between the journal and the sums'
    : 'MORE PULSES were counted or refused than were appended';
}

function driftMeaning(drift: bigint): string {
  if (drift === 0n) return 'but not all books balance, see above and below';
  return drift > 0n
    ? 'PULSES ARE MISSING between Redis and Postgres'
    : 'MORE PULSES in the sums than were counted (or shards cancel each other out, see below)';
}
