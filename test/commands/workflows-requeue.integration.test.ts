/** The queue of workflows is deleted, or its messages are lost in another way. */
import { expect, test, vi } from 'vitest';
import { consumeNext } from '../../src/workflows/consume-next.ts';
import { requeue } from '../../src/workflows/requeue.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { runInProcess, runInProcessForJson } from '../support/run-in-process.ts';
import { useWorkflowsFixture } from '../workflows/workflows-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const fixture = useWorkflowsFixture();
const TIMEOUT = { timeout: 30_000 };

const consumeOverHttp = () => fixture.ask('GET', '/workflow/consume');
const runRequeue = (...args: string[]) =>
  runInProcessForJson<object>(['workflows', 'requeue', '--json', ...args], fixture.env);

/** Workflows are only requeued when they are older than a minute. */
async function age(): Promise<void> {
  await fixture.pool.query(`UPDATE workflows SET created_at = created_at - interval '2 minutes'`);
}

/** Consumes until the queue is empty. @returns The ids. */
/** @param ids Gets each at once: a call may fail after others have succeeded, and is repeated then. */
async function consumeAll(ids: string[] = []): Promise<string[]> {
  for (;;) {
    const one = await consumeNext(fixture.deps);
    if (one === undefined) return ids;
    ids.push(one.workflow.id);
  }
}

test('a queue that was deleted is declared again by whoever asks for the next workflow', async () => {
  await fixture.insert({ a: 1 });
  await fixture.deleteQueue();
  expect(await consumeOverHttp()).toMatchObject({
    status: 503,
    body: { code: 'PULSE_API_UNAVAILABLE' },
  });
  await expect.poll(async () => (await consumeOverHttp()).status, TIMEOUT).toBe(204);
  const next = await fixture.insert({ a: 2 });
  expect((await consumeOverHttp()).headers['content-location']).toContain(next);
});

test('the command gives the workflows of a deleted queue new messages', async () => {
  const ids = [];
  for (let n = 0; n < 3; n++) ids.push(await fixture.insert({ n }));
  const byHand = await fixture.insert({ n: 3 });
  await fixture.ask('PATCH', `/workflow/${byHand}`, { body: { status: 'consumed' } });
  await age();
  const fresh = await fixture.insert({ n: 4 });
  await fixture.deleteQueue();

  const counts = { waiting: 3, messages: 0 };
  expect(await runRequeue('--dry-run')).toEqual({ ...counts, dry_run: true, requeued: 0 });
  expect(await runRequeue('--as', 'carla')).toEqual({ ...counts, dry_run: false, requeued: 3 });
  await expect.poll(fixture.depth, TIMEOUT).toBe(3);
  expect((await consumeAll()).sort()).toEqual(ids.sort());
  const { rows } = await fixture.pool.query('SELECT actor, subject FROM audit_log');
  expect(rows).toContainEqual({ actor: 'carla', subject: 'requeue 3 workflows' });

  // The one that was consumed by hand waits for no message any more, so it gets one when it is inserted again.
  await fixture.ask('PATCH', `/workflow/${byHand}`, { body: { status: 'inserted' } });
  await expect.poll(fixture.depth, TIMEOUT).toBe(1);
  expect(await consumeAll()).toEqual([byHand]);
  expect((await fixture.ask('GET', `/workflow/${fresh}`)).body.status).toBe('inserted');
});

test('nothing is published where no message is missing, and what --all publishes replaces the old', async () => {
  const id = await fixture.insert({ a: 1 });
  await age();
  const said = await runInProcess(['workflows', 'requeue'], fixture.env);
  expect(said).toMatchObject({ exitCode: 0 });
  expect(said.stdout).toContain(
    'Waiting for more than a minute: 1 workflow. In the queue: 1 message.',
  );
  expect(said.stdout).toContain('No message seems to be missing.');
  for (let times = 0; times < 2; times++) {
    expect(await runRequeue('--all')).toMatchObject({ requeued: 1 });
  }
  await expect.poll(fixture.depth, TIMEOUT).toBe(3);
  expect(await consumeAll()).toEqual([id]);
  expect(await fixture.depth()).toBe(0);
  expect(await fixture.takeDeadLetter()).toBeUndefined();
});

test('more than one transaction requeues are all requeued, also while others consume', async () => {
  const { pool, prefix, deps } = fixture;
  await pool.query(
    `INSERT INTO workflows (id, share, created_by, data, data_text, steps)
     SELECT gen_random_uuid(), 'all', 'test', '1', '1', '{one}' FROM generate_series(1, 700)`,
  );
  const options = { prefix, before: new Date(), signal: new AbortController().signal };
  const consuming = async () => {
    const ids: string[] = [];
    await expect.poll(async () => (await consumeAll(ids)).length, { timeout: 120_000 }).toBe(700);
    return ids;
  };
  const [, , ids] = await Promise.all([
    requeue(pool, options),
    requeue(pool, options),
    consuming(),
  ]);
  expect(new Set(ids).size).toBe(700);
  expect(await consumeNext(deps)).toBeUndefined();
});
