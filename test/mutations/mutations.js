// Every guard of the guarantee, and how to switch it off: the list that scripts/mutations.js uses.
//
// An edit is a piece of text that occurs exactly once in its file, and its replacement. `red` lists the checks
// that must all fail; scripts/mutations.js explains them.
import { ACCESS_MUTATIONS } from './access-mutations.js';
import { DELIVERY_MUTATIONS } from './delivery-mutations.js';
import { EXPORT_MUTATIONS } from './export-mutations.js';
import { FOLD_MUTATIONS } from './fold-mutations.js';
import { MESSAGE_MUTATIONS } from './message-mutations.js';

export const MUTATIONS = [
  ...ACCESS_MUTATIONS,
  ...MESSAGE_MUTATIONS,
  ...DELIVERY_MUTATIONS,
  ...EXPORT_MUTATIONS,
  ...FOLD_MUTATIONS,
  {
    name: 'ack-before-apply',
    guard: 'ack after apply',
    off: 'a batch is acknowledged when it is taken',
    edits: [
      {
        file: 'src/ingest/batcher.ts',
        find: 'const settled = deps.settle(batch).then(',
        replace:
          'void deps.settle(batch).catch(() => undefined);\n' +
          '    const settled = Promise.resolve().then(',
      },
    ],
    red: ['simulation', { faults: 'append-lost-kill', seed: 3 }],
  },
  {
    name: 'seal',
    guard: 'seal before read',
    off: 'the flush reads and then deletes the hash that ingest still writes to',
    edits: [
      {
        file: 'src/aggregate/functions/seal.lua',
        find: `  redis.call('RENAME', live, sealed)
  redis.call('ZADD', index, header[2], header[1])
`,
        replace: '',
      },
      {
        file: 'src/aggregate/functions/seal.lua',
        find: "if redis.call('EXISTS', live .. ':' .. bucket) == 1 then",
        replace: 'if false then',
      },
      {
        file: 'src/aggregate/accumulator.ts',
        find: 'shardKeys(batch.shard).sealedPrefix + batch.batchId',
        replace: 'shardKeys(batch.shard).live',
      },
      {
        file: 'src/aggregate/accumulator.ts',
        find: '[keys.sealedIndex, keys.sealedPrefix + batchId], [batchId]',
        replace: '[keys.sealedIndex, keys.live], [batchId]',
      },
    ],
    // In fault rounds, the counts of the seal catch it, and the flush is repeated.
    red: [{ tests: 'test/flush/books.integration.test.ts' }],
  },
  {
    name: 'ledger',
    guard: 'ledger row',
    off: 'a batch that flush_batches already has is treated as new',
    edits: [
      {
        file: 'src/flush/ledger.ts',
        find: 'if (taken !== undefined) return Number(taken.first_id);',
        replace: 'if (taken !== null) return Number(taken?.first_id ?? 1);',
      },
    ],
    red: [
      'simulation',
      { tests: 'test/flush/flush-crash.integration.test.ts' },
      { faults: 'crash-flush-committed', seed: 5 },
    ],
  },
  {
    name: 'count-check',
    guard: 'count check before COMMIT',
    off: 'the result of the scan is committed unchecked',
    edits: [
      {
        file: 'src/flush/flush.ts',
        find: "assertSameCounts(batch, copied, 'its scan returned');",
        replace: '',
      },
    ],
    // In the simulation, the check of the amounts catches it.
    red: [{ tests: 'test/flush/flush.integration.test.ts' }],
  },
  {
    name: 'seal-check',
    guard: 'counts and amounts compared before COMMIT',
    off: 'the result of the scan is committed unchecked, its amounts too',
    edits: [
      "assertSameCounts(batch, copied, 'its scan returned');",
      'assertSameAmount(batch, copied.amount);',
    ].map((find) => ({ file: 'src/flush/flush.ts', find, replace: '' })),
    red: ['simulation'],
  },
  {
    name: 'confirms',
    guard: 'publisher confirms',
    off: 'a publication counts as published as soon as it is sent',
    edits: [
      {
        file: 'src/publish/publisher.ts',
        find: 'if (room === false) this.#channelFull = true;',
        replace: 'pending.resolve();\n      if (room === false) this.#channelFull = true;',
      },
    ],
    red: ['simulation', { tests: 'test/publish/publisher-faults.integration.test.ts' }],
  },
  {
    name: 'dead-letter-first',
    guard: 'dead letters confirmed before the ack',
    off: 'nothing waits for them',
    edits: [
      {
        file: 'src/ingest/refused-deliveries.ts',
        find: 'if (this.#isStuck) return;',
        replace: "if (typeof this.#isStuck === 'boolean') return;",
      },
      {
        file: 'src/ingest/refused-deliveries.ts',
        find: 'else this.#hold(tag, delivery);',
        replace: 'else this.#options.channel.ack(tagged(tag));',
      },
    ],
    red: ['simulation', { faults: 'dead-letter-lost-kill', seed: 4 }],
  },
  {
    name: 'refused-alone',
    guard: 'only refused deliveries wait for dead letters',
    off: 'a batch waits until its dead letters are confirmed',
    edits: [
      {
        file: 'src/ingest/refused-deliveries.ts',
        find: 'await waitAtMost(this.#options.confirmWaitMs ?? CONFIRM_WAIT_MS, confirmed);',
        replace: 'await confirmed;',
      },
      {
        file: 'src/ingest/refused-deliveries.ts',
        find: 'if (this.#isStuck) return;',
        replace: '',
      },
    ],
    red: [{ tests: 'test/ingest/refused-deliveries.integration.test.ts' }],
  },
  {
    name: 'ack-order',
    guard: 'acks in delivery order',
    off: 'a batch is acknowledged together with all earlier ones, without waiting for them',
    edits: [
      {
        file: 'src/ingest/batcher.ts',
        find: 'Promise.all([acknowledged, settled])',
        replace: 'settled',
      },
    ],
    red: ['simulation'],
  },
  {
    name: 'failed-batch',
    guard: 'a failed batch goes back to the broker',
    off: 'a batch that could not be settled is acknowledged like any other',
    edits: [
      {
        file: 'src/ingest/batcher.ts',
        find: 'deps.settle(batch).then(',
        replace: 'deps.settle(batch).catch(() => undefined).then(',
      },
    ],
    red: ['simulation'],
  },
  {
    name: 'discard-early',
    guard: 'discard after COMMIT',
    off: 'the sealed sums are deleted inside the transaction',
    edits: [
      {
        file: 'src/flush/flush.ts',
        find: "await onStep('checked', batch);",
        replace: "await onStep('checked', batch);\n    await accumulator.discardSealed(batch);",
      },
    ],
    red: ['simulation', { faults: 'commit-lost', seed: 7 }],
  },
  {
    name: 'one-transaction',
    guard: 'ledger and rows in one transaction',
    off: 'the rows are copied, and committed, before the ledger is checked',
    edits: [
      {
        file: 'src/flush/flush.ts',
        find: '    // 4. Compare with',
        replace:
          "    await client.query('COMMIT');\n    await client.query('BEGIN');\n    // 4. Compare with",
      },
    ],
    red: ['simulation'],
  },
  {
    name: 'quarantine-ack',
    guard: 'dead letters acknowledged after their INSERT',
    off: 'the quarantine acknowledges what it has not yet stored',
    edits: [
      {
        file: 'src/quarantine/writer.ts',
        find: 'const stored = await writeUntilDone([...rows.keys()], context);',
        replace:
          'void writeUntilDone([...rows.keys()], context).catch(() => undefined);\n' +
          '    const stored = { refused: new Map() };',
      },
    ],
    red: ['simulation'],
  },
  {
    name: 'parked-ack',
    guard: 'parked dead letters acknowledged after their confirm',
    off: 'the quarantine acknowledges what it has not yet parked',
    edits: [
      {
        file: 'src/quarantine/parking.ts',
        find: 'return park(delivery, why.reason)',
        replace: 'void park(delivery, why.reason);\n' + '      return Promise.resolve(true)',
      },
    ],
    red: [{ tests: 'test/quarantine/parking.integration.test.ts' }],
  },
  {
    name: 'books-order',
    guard: 'the books read Redis before Postgres, and again after it',
    off: 'the second reading of Redis is ignored',
    edits: [
      {
        file: 'src/flush/books.ts',
        find: 'if (noBatchBorn(books, await accumulator.readBooks(shard))) return balance(books, flushed);',
        replace: 'noBatchBorn(books, books);\n    return balance(books, flushed);',
      },
    ],
    red: [{ tests: 'test/flush/books.integration.test.ts' }],
  },
  {
    name: 'model-seal',
    guard: 'seal before read',
    off: 'in the simulation’s model of Redis: sealing leaves the live batch as it is',
    edits: [
      { file: 'test/simulation/shard-model.ts', find: "    live.state = 'sealed';\n", replace: '' },
      {
        file: 'test/simulation/shard-model.ts',
        find: "({ state }) => state === 'sealed'",
        replace: "({ state }) => state !== 'discarded'",
      },
    ],
    red: ['simulation'],
  },
  // The position is not among them: in the model, whoever commits at an old one has lost the lease, too.
  ...[
    ['lease', 'of an aggregator without the lease', 'if (!this.holds(token)) {'],
    [
      'batch',
      'to another live batch',
      "if ((this.live?.batchId ?? '') !== round.sums.expectedBatchId) {",
    ],
  ].map(([name, which, find]) => ({
    name: `model-commit-${name}`,
    guard: 'the guards of a commit',
    off: `in the simulation’s model of Redis: a commit ${which} is accepted`,
    edits: [
      {
        file: 'test/simulation/shard-model.ts',
        find,
        replace: find.replace(') {', " && token === '') {"),
      },
    ],
    red: ['simulation'],
  })),
];
