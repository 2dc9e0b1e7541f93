import { expect, test } from 'vitest';
import { databaseMistakes, whyCommitsWait } from '../../src/platform/postgres-session.ts';

/** A server of the whole test run cannot have the setting: every commit would wait. */
function poolThatAnswers(row: object) {
  return { query: () => Promise.resolve({ rows: [row] }) } as never;
}

test.each([
  { why: 'no standby is asked for', names: '', waits: true, standbys: 0, waiting: 0 },
  { why: 'one is connected', names: 'ANY 1 (a, b)', waits: true, standbys: 1, waiting: 0 },
  { why: 'the session does not wait for it', names: '*', waits: false, standbys: 0, waiting: 0 },
])('commits do not wait if $why', async (row) => {
  expect(await whyCommitsWait(poolThatAnswers(row))).toBeUndefined();
});

test('commits that wait for a standby which is not there are reported', async () => {
  const pool = poolThatAnswers({ names: 'ANY 1 (a, b)', waits: true, standbys: 0, waiting: 0 });
  expect(await whyCommitsWait(pool)).toMatch(/"ANY 1 \(a, b\)" and no standby is connected/);
});

test('commits that have waited for some seconds are reported, whatever standby is connected', async () => {
  const pool = poolThatAnswers({ names: 'FIRST 1 (a)', waits: true, standbys: 1, waiting: 2 });
  expect(await whyCommitsWait(pool)).toMatch(
    /"FIRST 1 \(a\)" and too few of those standbys answer, so commits wait, 2 of them for more than 5 s/,
  );
});

test.each([
  ['30000', 1],
  ['3600000', 0],
  ['0', 0],
])(
  'a limit for transactions, as Postgres has from 17 on, of %s ms: mistakes: %i',
  async (ms, count) => {
    const session = { database: 'pulse', username: 'me', encoding: 'UTF8', schema: 'public' };
    const settings = [['transaction_timeout', ms]];
    const pool = poolThatAnswers({ ...session, searchPath: 'public', settings });
    const advice = 'SET transaction_timeout = 0;';
    const named = (await databaseMistakes(pool)).filter((mistake) => mistake.includes(advice));
    expect(named).toHaveLength(count);
  },
);
