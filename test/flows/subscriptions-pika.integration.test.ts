/** A client in Python's pika, which knows nothing of ours, asks the real processes for subscriptions. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Pool } from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { subscriptionQueues } from '../../src/subscriptions/subscriptions-queues.ts';
import { MANY_STEPS_TIMEOUT_MS, temporaryDirectory } from '../support/pulse-process.ts';
import { findPythonWithPika } from '../support/python-pika.ts';
import { withChannel } from '../support/servers.ts';
import { openFlow, type Flow } from './flow-fixture.ts';

/** Installing the packages takes a minute. */
vi.setConfig({ testTimeout: 2 * MANY_STEPS_TIMEOUT_MS });

const PROGRAM_TIMEOUT_MS = 120_000;
const WAIT = { timeout: 60_000, interval: 100 };
const PAGE = 'docs/subscriptions.md';
const AWKWARD = resolve('test/flows/subscriptions-pika.py');

/** The only Python program in the documentation, as a file. */
function documentedProgram(): string {
  const programs = [...readFileSync(PAGE, 'utf8').matchAll(/^```python\n(.*?)^```$/gms)];
  expect(programs).toHaveLength(1);
  const file = join(temporaryDirectory(), 'subscribe.py');
  writeFileSync(file, programs[0]![1]!);
  return file;
}

/** @returns What the program printed. */
async function runPython(flow: Flow, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(await findPythonWithPika(), args, {
    env: { RABBITMQ_URL: flow.env.RABBITMQ_URL!, MESSAGE_PREFIX: `${flow.queue}.` },
    timeout: PROGRAM_TIMEOUT_MS,
  });
  return stdout;
}

/** What the awkward program prints: the correlation id and the text of each answer. */
type Edges = Record<'first' | 'second' | 'without_id', [string, string]>;

/** What is stored: each user, with the kinds of the changes of each subscription. */
function openStore(flow: Flow) {
  const pool = new Pool({ connectionString: flow.env.DATABASE_URL ?? '', max: 1 });
  onTestFinished(() => pool.end());
  return async () => {
    const { rows } = await pool.query<{ user_id: string; status: string; kinds: string[] }>(
      `SELECT user_id, status, (SELECT array_agg(kind ORDER BY number) FROM subscription_changes
         WHERE subscription_id = id) AS kinds
       FROM subscriptions ORDER BY user_id`,
    );
    return rows;
  };
}

/** Ready messages of the three queues. A message that was not acknowledged is ready once its consumer has ended. */
function readyCounts(flow: Flow): Promise<number[]> {
  const queues = Object.values(subscriptionQueues(`${flow.queue}.`));
  return withChannel(flow.env.RABBITMQ_URL ?? '', async (channel) => {
    const counts = [];
    for (const { queue } of queues) counts.push((await channel.checkQueue(queue)).messageCount);
    return counts;
  });
}

test('the Python program in the documentation purchases, cancels and restarts', async () => {
  const flow = await openFlow();
  const stored = openStore(flow);
  await flow.start('start');
  const printed = await runPython(flow, [documentedProgram()]);
  const answers = printed
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { subscription: { user_id: string; status: string } });
  expect(answers).toMatchObject([
    { ok: true, subscription: { user_id: '7', sku: 'ABC', status: 'active' } },
    { ok: true, subscription: { user_id: '7', status: 'canceled' } },
    { ok: true, subscription: { user_id: '7', status: 'active' } },
  ]);
  expect(await stored()).toEqual([
    { user_id: '7', status: 'active', kinds: ['purchased', 'canceled', 'restarted'] },
  ]);
});

test('requests of pika that come twice, have no id or leave no reply queue are handled once', async () => {
  const flow = await openFlow();
  const stored = openStore(flow);
  const running = await flow.start('start');
  const printed = await runPython(flow, [AWKWARD, 'edges']);
  const { first, second, without_id: withoutId } = JSON.parse(printed) as Edges;
  expect(JSON.parse(first[1])).toMatchObject({ ok: true, subscription: { user_id: 'twice' } });
  expect(first[0]).toBe('1st');
  expect(second).toEqual(['2nd', first[1]]);
  expect(withoutId[0]).toBe('3rd');
  expect(JSON.parse(withoutId[1])).toMatchObject({ ok: true, subscription: { user_id: 'no-id' } });

  // Suspended, so that the reply queue is gone before the answer.
  running.signal('SIGSTOP');
  await runPython(flow, [AWKWARD, 'leave']);
  running.signal('SIGCONT');
  await expect.poll(stored, WAIT).toEqual([
    { user_id: 'gone', status: 'active', kinds: ['purchased'] },
    { user_id: 'no-id', status: 'canceled', kinds: ['purchased', 'canceled'] },
    { user_id: 'twice', status: 'active', kinds: ['purchased'] },
  ]);
  running.signal('SIGTERM');
  expect((await running.ended).exitCode).toBe(0);
  expect(await readyCounts(flow)).toEqual([0, 0, 0]);
  expect(await flow.deadLetters()).toEqual([]);
});
