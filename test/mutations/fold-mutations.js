// The guards of the journal and of its fold; see mutations.js.

export const FOLD_MUTATIONS = [
  {
    name: 'dedupe',
    guard: 'dedupe by id',
    off: 'the fold takes every id for new',
    edits: [
      {
        file: 'src/aggregate/fold-entry.ts',
        find: 'if (older?.has(index) || !seen.add(ids, index * ID_BYTES)) continue;',
        replace: 'seen.add(ids, index * ID_BYTES);',
      },
    ],
    red: [
      'simulation',
      { tests: 'test/aggregate/aggregator.integration.test.ts' },
      // Causes redeliveries after every batch has reached Redis.
      { faults: 'crash-ingest-applied', seed: 2 },
    ],
  },
  {
    name: 'jumped-clock',
    guard: 'no id is forgotten by a clock that has jumped',
    off: 'every time of Redis is believed',
    edits: [
      {
        file: 'src/aggregate/redis-clock.ts',
        find: 'isSteady: nowMs - this.#steadySinceMs >= STEADY_MS',
        replace: 'isSteady: nowMs - this.#steadySinceMs >= -STEADY_MS',
      },
    ],
    red: [{ tests: 'test/aggregate/aggregator-lease.integration.test.ts' }],
  },
  {
    name: 'lease',
    guard: 'a commit needs the lease',
    off: 'Redis takes the commit of an aggregator whose lease has ended',
    edits: [
      {
        file: 'src/aggregate/functions/lease.lua',
        find: "if redis.call('GET', lease) ~= token then",
        replace: 'if false then',
      },
    ],
    red: [{ tests: 'test/aggregate/journal.integration.test.ts' }],
  },
  ...[
    {
      name: 'kept-position',
      off: 'memory is kept although another has committed entries',
      find: 'if (position !== this.#committedPosition || generations',
      replace: 'if (generations',
    },
    {
      name: 'kept-generations',
      off: 'memory is kept although another has turned the generations of ids',
      find: 'if (position !== this.#committedPosition || generations !== this.#seen.storedState)',
      replace: 'if (position !== this.#committedPosition)',
    },
    {
      name: 'kept-batch',
      off: 'memory is kept although Redis has lost a seal',
      find: "if (batchId !== '' && batchId !== this.#sums.batchId) return false;",
      replace: '',
    },
    {
      name: 'kept-entry',
      off: 'memory is kept although Redis has lost entries of the open round',
      find: 'if (this.#isOpen && !hasEntry) return false;',
      replace: '',
    },
  ].map(({ name, off, find, replace }) => ({
    name,
    guard: 'an aggregator keeps its memory only if nobody has committed since',
    off,
    edits: [{ file: 'src/aggregate/rounds.ts', find, replace }],
    red: [{ tests: 'test/aggregate/rounds.integration.test.ts' }],
  })),
  {
    name: 'fold-position',
    guard: 'a commit continues at the position of the one before',
    off: 'Redis takes a commit that begins elsewhere',
    edits: [
      {
        file: 'src/aggregate/functions/journal.lua',
        find: 'if position ~= before then',
        replace: 'if false then',
      },
    ],
    red: [{ tests: 'test/aggregate/journal.integration.test.ts' }],
  },
  {
    name: 'commit-again',
    guard: 'a round that is committed already is not committed again',
    off: 'a commit whose reply was lost is refused when it is repeated',
    edits: [
      {
        file: 'src/aggregate/functions/journal.lua',
        find: "if position == after and after ~= before then return 'committed' end",
        replace: '',
      },
    ],
    red: [{ tests: 'test/aggregate/journal.integration.test.ts' }],
  },
  {
    name: 'sealed-under-round',
    guard: 'a commit writes to the batch that its sums were read from',
    off: 'a commit writes absolute sums into whatever batch is live',
    edits: [
      {
        file: 'src/aggregate/functions/journal.lua',
        find: "if (redis.call('HGET', live, 'batch') or '') ~= header.expected_batch then return 'sealed' end",
        replace: '',
      },
    ],
    red: [{ tests: 'test/aggregate/journal.integration.test.ts' }],
  },
  {
    name: 'journal-bound',
    guard: 'the journal is bounded',
    off: 'Redis takes an entry however large the journal is',
    edits: [
      {
        file: 'src/aggregate/functions/journal.lua',
        find: 'if bytes > 0 and bytes + wanted > bytes_max then',
        replace: 'if false then',
      },
    ],
    red: [{ tests: 'test/aggregate/journal.integration.test.ts' }],
  },
];
