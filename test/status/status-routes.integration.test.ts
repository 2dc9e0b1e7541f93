import { Client } from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { makeTraffic, openFlow, toMessage, type Flow } from '../flows/flow-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

/** Works while Postgres, which knows users and keys, is unavailable. */
const SECRET_TOKEN = 'a-secret-token-for-one-system-of-the-tests';
const SERVERS = { rabbitmq: 'RABBITMQ_URL', redis: 'REDIS_URL', postgres: 'DATABASE_URL' } as const;
/** What each server knows. */
const PARTS = {
  rabbitmq: ['queue', 'dead_queue', 'parked_queue', 'message_queues', 'oldest_pulse_seconds'],
  redis: ['sums', 'books'],
  postgres: [
    ...['ingest', 'books', 'last_flush_at', 'dead_letters', 'outbox', 'deliveries'],
    ...['workflows', 'exports'],
  ],
} as const;

type Answer = Record<string, unknown>;

/** Every hour, but not in the next few minutes. */
function laterThisHour(): string {
  return `${(new Date().getUTCMinutes() + 50) % 60} * * * *`;
}

/** Runs everything behind proxies. */
async function openSystem() {
  const flow = await openFlow({ SECRET_TOKEN, FLUSH_CRON: laterThisHour() });
  await flow.flush();
  const names = Object.keys(SERVERS) as (keyof typeof SERVERS)[];
  const proxies = await Promise.all(names.map((name) => startTcpProxy(flow.env[SERVERS[name]]!)));
  onTestFinished(async () => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
  });
  const urls = names.map((name, index) => [SERVERS[name], proxies[index]!.url]);
  const system = await flow.start('start', Object.fromEntries(urls) as Record<string, string>);
  const call = async (path: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${SECRET_TOKEN}`, 'content-type': 'application/json' };
    const response = await fetch(`${system.ready.api!}/api/v1${path}`, { headers, ...init });
    return { status: response.status, body: (await response.json()) as Answer };
  };
  return { flow, system, call, names, proxies };
}

async function query(flow: Flow, sql: string): Promise<Answer[]> {
  const client = new Client({ connectionString: flow.env.DATABASE_URL! });
  await client.connect();
  try {
    return (await client.query<Answer>(sql)).rows;
  } finally {
    await client.end();
  }
}

test('the status has what each server knows, and null where it does not answer', async () => {
  const { flow, call, names, proxies } = await openSystem();
  await flow.producer.publish(makeTraffic(1_000, 'status').map(toMessage));
  await flow.settled({ counted: 900, deadLetters: 1 });
  const { counted, deadLetters } = await flow.verify();
  await eventually(async () => (await call('/status')).body).toMatchObject({
    ingest: { paused: false, by: null, note: null, since: null },
    queue: { ready: 0, consumers: 1 },
    sums: { counted, live: counted, journalled: 0, sealed: 0, leftovers: 0 },
    books: { drift: 0, journal_drift: 0, balanced: true },
    oldest_pulse_seconds: 0,
    last_flush_at: null,
    dead_letters: { open: deadLetters },
    outbox: { waiting: 0 },
    deliveries: { due: 0, endpoints: { healthy: 0, failing: 0, disabled: 0 } },
    workflows: { waiting: 0 },
    exports: { queued: 0, running: 0 },
    unavailable: [],
    problems: [],
  });
  const { body: whole } = await call('/status');
  const received = (whole.sums as Record<string, number>).received!;
  const { duplicates } = whole.sums as { duplicates: number };
  expect(received).toBe(counted + duplicates);
  expect(new Date(whole.next_flush_at as string).getTime()).toBeGreaterThan(Date.now());

  for (const [index, name] of names.entries()) {
    for (const fault of ['cut', 'stall'] as const) {
      proxies[index]![fault]();
      let answer = await call('/status');
      // On a busy machine, a server that is well may miss an answer, too.
      await eventually(async () => {
        answer = await call('/status');
        return answer.body.unavailable;
      }).toEqual([name]);
      const { status, body } = answer;
      expect(status).toBe(200);
      const isKnown = (part: string) => !(PARTS[name] as readonly string[]).includes(part);
      for (const [part, value] of Object.entries(whole)) {
        if (['at', 'unavailable', 'problems', 'last_flush_at'].includes(part)) continue;
        expect(body[part] !== null, `${part} without ${name}`).toBe(
          value !== null && isKnown(part),
        );
      }
      proxies[index]!.heal();
      // The books are looked at every 15 seconds.
      await eventually(
        async () => {
          const { unavailable, books } = (await call('/status')).body;
          return { unavailable, isWhole: books !== null };
        },
        { timeout: 60_000 },
      ).toEqual({ unavailable: [], isWhole: true });
    }
  }
  const history = async () => ((await call('/status/history')).body as { data: Answer[] }).data;
  await eventually(async () => (await history()).at(-1)).toMatchObject({
    counted,
    live: counted,
  });
  const data = await history();
  expect(data.every(({ at }, index) => index === 0 || at! > data[index - 1]!.at!)).toBe(true);
});

test('a pause over the API stops the workers, is in both histories, and ends over the API', async () => {
  const { flow, call } = await openSystem();
  await eventually(() => flow.producer.consumers()).toBe(1);
  const order = (body: object) =>
    call('/ingest/pause', { method: 'PUT', body: JSON.stringify(body) });
  expect(await order({ paused: true })).toMatchObject({
    status: 400,
    body: { errors: [{ field: 'note', message: 'must say why' }] },
  });
  expect((await order({ paused: true, note: 'x'.repeat(501) })).status).toBe(400);
  const paused = await order({ paused: true, note: 'redis moves' });
  expect(paused).toMatchObject({
    status: 200,
    body: { paused: true, by: 'key:SECRET_TOKEN', note: 'redis moves' },
  });
  await eventually(() => flow.producer.consumers()).toBe(0);
  await flow.producer.publish(makeTraffic(100, 'paused').map(toMessage));
  await eventually(async () => (await call('/status')).body).toMatchObject({
    ingest: paused.body,
    queue: { ready: 100, consumers: 0 },
    problems: [],
  });
  expect((await flow.run(['status'])).stdout).toContain('key:SECRET_TOKEN: redis moves');
  expect(await order({ paused: false })).toMatchObject({ status: 200, body: { paused: false } });
  await flow.settled({ counted: 90 });
  expect(await query(flow, 'SELECT action, actor, note FROM pauses ORDER BY id')).toEqual([
    { action: 'paused', actor: 'key:SECRET_TOKEN', note: 'redis moves' },
    { action: 'resumed', actor: 'key:SECRET_TOKEN', note: null },
  ]);
  expect(
    await query(flow, "SELECT actor, subject FROM audit_log WHERE action = 'changed' ORDER BY id"),
  ).toEqual([
    { actor: 'key:SECRET_TOKEN', subject: 'PUT /api/v1/ingest/pause' },
    { actor: 'key:SECRET_TOKEN', subject: 'PUT /api/v1/ingest/pause' },
  ]);
});

test('the doctor examines once for all who ask, and names a server that does not answer', async () => {
  const { flow, call, proxies } = await openSystem();
  interface Examination {
    readonly at: string;
    readonly findings: readonly { name: string; status: string; detail: string }[];
  }
  const examine = async () => (await call('/doctor')).body as unknown as Examination;
  const [one, other] = await Promise.all([examine(), examine()]);
  expect(one).toEqual(other);
  expect(one.findings.filter(({ status }) => status === 'danger')).toEqual([]);
  expect(one.findings.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['rabbitmq queue', 'redis functions', 'postgres migrations', 'books']),
  );
  expect((await examine()).at).toBe(one.at);
  // The API's sessions keep what they have.
  const database = new URL(flow.env.DATABASE_URL!).pathname.slice(1);
  await query(flow, `ALTER DATABASE "${database}" SET session_replication_role = 'replica'`);
  await eventually(async () => {
    const { findings } = await examine();
    return findings.find(({ name }) => name === 'postgres database')?.detail;
  }).toContain('session_replication_role is "replica"');
  proxies[1]!.stall();
  await eventually(async () => {
    const { findings } = await examine();
    return findings.filter(({ status }) => status === 'danger').map(({ name }) => name);
  }).toContain('redis');
});
