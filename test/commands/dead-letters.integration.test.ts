import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { COMMANDS } from '../../src/commands/command-list.ts';
import { useQuarantineFixture } from '../quarantine/quarantine-fixture.ts';
import { sentPulse } from '../support/pulses.ts';

const fixture = useQuarantineFixture();
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'pulse-dead-letters-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** Runs `pulse dead-letters …` in this process. */
async function pulse(...args: string[]) {
  return await pulseUntilPrinted(undefined, ...args);
}

/** The same, with a Ctrl-C as soon as it prints something. */
async function pulseUntilPrinted(stop: AbortController | undefined, ...args: string[]) {
  const { rabbitmqUrl, redisUrl, databaseUrl, queue } = fixture.services;
  const out = { stdout: '', stderr: '' };
  const env = {
    RABBITMQ_URL: rabbitmqUrl,
    REDIS_URL: redisUrl,
    DATABASE_URL: databaseUrl,
    PULSE_QUEUE: queue,
    DEDUPE_WINDOW_SECONDS: '3600',
    LOG_LEVEL: 'silent',
    // After it, a stopped command ends its process, which is that of other tests here.
    STOP_TIMEOUT_SECONDS: '3600',
  };
  const stdout = {
    write(text: string) {
      out.stdout += text;
      stop?.abort();
    },
  };
  const stderr = { write: (text: string) => (out.stderr += text) };
  const environment = { env, stdout, stderr, stop: stop?.signal ?? new AbortController().signal };
  const exitCode = await runCommandLine(['dead-letters', ...args], environment, COMMANDS);
  return { ...out, exitCode };
}

/** The same with `--json`. */
async function pulseJson(...args: string[]) {
  const { stdout, stderr, exitCode } = await pulse(...args, '--json');
  expect(stderr).toBe('');
  return { exitCode, answer: JSON.parse(stdout) as Record<string, unknown> };
}

const GOOD = sentPulse({ id: 'p-1' });

async function quarantined(body: unknown = { ...GOOD, used_amount: 0 }): Promise<string> {
  await fixture.send(body, { messageId: randomUUID() });
  return (await fixture.waiting(1))[0]!.id;
}

describe('pulse dead-letters', () => {
  test('lists, shows, fixes and replays: the pulse is counted once, and the history says who did it', async () => {
    const id = await quarantined();
    const list = await pulse('list', '--tenant', 'acme');
    for (const [pulseId, found] of [
      ['p-1', [{ id, pulse_id: 'p-1' }]],
      ['p-2', []],
    ] as const) {
      const { answer } = await pulseJson('list', '--pulse-id', pulseId);
      expect(answer).toMatchObject({ data: found });
    }
    expect(list.exitCode).toBe(0);
    expect(list.stdout).toMatch(/^ID +RECEIVED +REASON +TENANT\n/);
    expect(list.stdout).toMatch(
      new RegExp(`^${id}  \\d+ (s|min) ago +amount_not_positive  acme$`, 'm'),
    );
    expect((await pulse('list', '--state', 'any')).stdout).not.toContain('STATE');
    expect((await pulse('list', '--state', 'replayed')).stdout).toBe('No dead letters.\n');

    const file = join(directory, 'body.json');
    const shown = await pulse('show', id, '--save', file);
    expect(shown.stdout).toContain(
      'reason        amount_not_positive: used_amount must be greater',
    );
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ ...GOOD, used_amount: 0 });
    for (const [path, says] of [
      [file, 'exists. Name another file.'],
      [join(directory, 'none', 'body.json'), 'There is no folder'],
    ] as const) {
      writeFileSync(file, 'mine');
      const refused = await pulse('show', id, '--save', path);
      expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
      expect(refused.stderr).toMatch(new RegExp(`^pulse: --save: .*${says}.*\n$`));
      expect(readFileSync(file, 'utf8')).toBe('mine');
    }

    writeFileSync(file, JSON.stringify(GOOD));
    const fixed = await pulse('fix', id, '--body', file, '--note', 'was zero', '--as', 'bob');
    expect(fixed).toMatchObject({ exitCode: 0, stderr: '' });
    for (const duplicates of [0, 1]) {
      expect(await pulse('replay', id)).toMatchObject({ exitCode: 0, stdout: `${id}  replayed\n` });
      await fixture.settled({ counted: 1, duplicates });
    }
    const { answer } = await pulseJson('show', id);
    expect(answer).toMatchObject({
      state: 'replayed',
      actions: [
        { action: 'fixed', actor: 'bob', via: 'command_line', note: 'was zero' },
        { action: 'replay_started', actor: userInfo().username },
        { action: 'replayed', actor: userInfo().username },
        {},
        {},
      ],
    });
  });

  test('shows a body that is not text as base64, and escapes control characters', async () => {
    const id = await quarantined(Buffer.from([0xff, 0x1b]));
    expect((await pulse('show', id)).stdout).toContain('base64:\n/xs=');
    await pulse('discard', id, '--note', 'noise');
    const evil = await quarantined('{"tenant":"\u001b[2J\u202e"');
    const { stdout } = await pulse('show', evil);
    expect(stdout).toContain('{"tenant":"\\u001b[2J\\u202e"');
    expect(stdout).not.toContain('\u001b');
  });

  test('replays by reason, after a dry run', async () => {
    for (let index = 0; index < 3; index++) {
      await fixture.send({ ...GOOD, id: `p-${index}`, used_amount: 0 });
    }
    await fixture.waiting(3);
    await fixture.pool.query(
      `UPDATE dead_letters SET body = convert_to(replace(convert_from(body, 'UTF8'), ':0', ':1'), 'UTF8')`,
    );
    const look = await pulse('replay', '--reason', 'amount_not_positive', '--dry-run');
    expect(look.stdout).toMatch(
      /^3 wait and match: amount_not_positive 3\n {2}ID .*\n( {2}[0-9a-f-]{36} .*\n){3}$/,
    );
    await fixture.waiting(3);
    const ask = ['replay', '--reason', 'amount_not_positive', '--rate', '200'];
    expect(await pulseJson(...ask, '--limit', '2')).toMatchObject({
      exitCode: 0,
      answer: { matched: 3, replayed: 2, end: 'limit' },
    });
    expect(await pulse(...ask)).toMatchObject({
      exitCode: 0,
      stdout: '1 replayed; none is left\n',
    });
    await fixture.settled({ counted: 3, duplicates: 0 });
  });

  test('replays a pulse whose id may be forgotten only with --even-if-forgotten', async () => {
    const id = await quarantined({ ...GOOD, tenant: '' });
    await fixture.pool.query(
      `UPDATE dead_letters SET maybe_counted_since = now() - interval '1 day'`,
    );
    const refused = await pulse('replay', id);
    expect(refused.exitCode).toBe(1);
    expect(refused.stdout).toContain('--even-if-forgotten');
    expect((await pulse('replay', '--reason', 'invalid_tenant')).stdout).toContain('1 skipped');
    expect((await pulse('replay', id, '--even-if-forgotten')).exitCode).toBe(0);
  });

  test('discards with a note: one by its id, many only with --yes', async () => {
    const id = await quarantined();
    expect(await pulse('discard', id, '--note', 'test traffic', '--as', 'bob')).toMatchObject({
      exitCode: 0,
      stdout: '1 discarded\n',
    });
    expect((await fixture.find(id)).actions).toMatchObject([
      { action: 'discarded', actor: 'bob', via: 'command_line', note: 'test traffic' },
    ]);
    await fixture.send({ ...GOOD, id: 'p-2', tenant: '' });
    await fixture.waiting(1);
    const many = ['discard', '--reason', 'invalid_tenant', '--note', 'noise'];
    const unsure = await pulse(...many);
    expect(unsure.exitCode).toBe(2);
    expect(unsure.stderr).toContain('--yes');
    expect((await pulseJson(...many, '--dry-run')).answer).toMatchObject({ matched: 1 });
    await fixture.waiting(1);
    expect((await pulseJson(...many, '--yes')).answer).toEqual({ discarded: 1 });
    await fixture.waiting(0);
  });

  test('an unknown id, or one that is not waiting, ends with 1', async () => {
    const unknown = randomUUID();
    const file = join(directory, 'any.json');
    writeFileSync(file, '{}');
    for (const args of [
      ['show', unknown],
      ['replay', unknown],
      ['fix', unknown, '--body', file],
      ['discard', unknown, '--note', 'why'],
    ]) {
      expect((await pulse(...args)).exitCode, args.join(' ')).toBe(1);
    }
  });

  test('names the missing migrations of the database', async () => {
    await fixture.pool.query(`ALTER TABLE schema_migrations RENAME TO hidden`);
    try {
      const { exitCode, stderr } = await pulse('list');
      expect(exitCode).toBe(1);
      expect(stderr).toContain('0006_dead_letter_actions');
      expect(stderr).toContain('pulse migrate');
    } finally {
      await fixture.pool.query(`ALTER TABLE hidden RENAME TO schema_migrations`);
    }
  });
});

test('a bulk action without ids and filters names every filter', async () => {
  expect((await pulse('replay')).stderr).toContain(
    'at least one of --reason --tenant --pulse-id --message-id --queue --from --to.',
  );
});

test.each(['message_impossible', 'attempts_exhausted'])(
  'lists by the reason %s',
  async (reason) => {
    expect(await pulse('list', '--reason', reason)).toMatchObject({
      exitCode: 0,
      stdout: 'No dead letters.\n',
    });
  },
);

test.each([
  [['list', '--reason', 'because']],
  [['list', '--limit', '0']],
  [['list', '--from', 'yesterday']],
  [['list', '--after', '7']],
  [['show', '7']],
  [['fix', randomUUID()]],
  [['fix', randomUUID(), '--body', '/does/not/exist']],
  [['replay']],
  [['replay', '--dry-run']],
  [['replay', randomUUID(), '--tenant', 'acme']],
  [['replay', '--tenant', 'acme', '--rate', '0']],
  [['replay', '--tenant', 'acme', '--as', '']],
  [['discard', randomUUID()]],
  [['discard', randomUUID(), '--note', ' ']],
  [['discard', '--note', 'why', '--yes']],
  [[]],
])('wrong usage ends with 2: %j', async (args) => {
  const { exitCode, stderr, stdout } = await pulse(...args);
  expect(exitCode).toBe(2);
  expect(stderr + stdout).not.toBe('');
});

test.each(['list', 'show', 'fix', 'replay', 'discard'])(
  '%s --help has an example',
  async (name) => {
    const { exitCode, stdout } = await pulse(name, '--help');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  \\$ pulse dead-letters ${name}\\b`));
  },
);

test('a replay of several that ends midway prints what it has replayed', async () => {
  const bad = { ...GOOD, used_amount: 0 };
  for (const messageId of [randomUUID(), randomUUID()]) await fixture.send(bad, { messageId });
  const [first = '', second = ''] = (await fixture.waiting(2)).map(({ id }) => id);
  const stopped = await pulseUntilPrinted(new AbortController(), 'replay', first, second);
  expect(stopped.stdout).toMatch(new RegExp(`^${first}  replayed.*\n$`));
  expect(stopped).toMatchObject({
    ...{ exitCode: 1, stderr: 'pulse: stopped; 1 of 2 were not replayed.\n' },
  });

  await fixture.pool.query(
    `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'disk_full'; END $$;
     CREATE TRIGGER fails BEFORE UPDATE ON dead_letters FOR EACH ROW
       WHEN (NEW.id = '${second}') EXECUTE FUNCTION fail()`,
  );
  const failed = await pulse('replay', first, second, '--json');
  await fixture.pool.query('DROP TRIGGER fails ON dead_letters');
  expect(failed).toMatchObject({ exitCode: 1, stderr: 'pulse: Postgres: no\n' });
  expect(JSON.parse(failed.stdout)).toMatchObject({ results: [{ id: first }] });
});
