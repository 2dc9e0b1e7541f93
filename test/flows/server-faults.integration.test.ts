import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { GeneratedPulse } from '../../src/populate/generate-pulses.ts';
import {
  startPrivateServers,
  type PrivateServers,
} from '../../src/private-servers/private-servers.ts';
import { loginToApi } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { areQueuesNamed } from '../support/quorum-names.ts';
import {
  countKinds,
  type FlowServers,
  openFlow,
  PASSWORD,
  type StoredDeadLetter,
} from './flow-fixture.ts';
import { startSteadyProducer } from './steady-producer.ts';
import { goodPulses, sumsOfPulses, sumsOfRows } from './sums.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const WAIT = { timeout: 90_000, interval: 50 };
/** Enough to be sure that something went through the whole pipeline. */
const MORE = 500;

describe('a server is killed while pulses flow and flushes run', () => {
  const parent = mkdtempSync(join(tmpdir(), 'pulse-faults-'));
  let services: PrivateServers;

  beforeAll(async () => {
    services = await startPrivateServers({
      directory: join(parent, 'services'),
      keepFiles: false,
    });
  });
  afterAll(async () => {
    await services.stop();
    rmSync(parent, { recursive: true });
  });

  test.each([
    { name: 'redis', redisIndex: 1 },
    { name: 'rabbitmq', redisIndex: 2 },
    { name: 'postgres', redisIndex: 3 },
  ] as const)(
    '$name: readiness reports it, the process recovers without a restart, every sum is exact',
    async ({ name, redisIndex }) => {
      const flow = await openFlow(
        { FLUSH_CRON: '* * * * * *', BATCH_SIZE: '100', LOG_LEVEL: 'silent' },
        await emptyServers(services.env, { name, redisIndex }),
      );
      const system = await flow.start('start');
      const { ready } = system;
      const producer = startSteadyProducer(flow.env.RABBITMQ_URL!, flow.queue);
      await flow.settled({ counted: MORE });

      if (name === 'rabbitmq') {
        const directory = join(parent, 'services');
        await eventually(() => areQueuesNamed(directory, flow.queue), WAIT).toBe(true);
      }
      await services.kill(name);
      await readinessIs(ready.api!, { status: 503, away: [name] });
      await services.start(name);
      await readinessIs(ready.api!, { status: 200, away: [] });

      const { counted } = await flow.verify();
      await flow.settled({ counted: counted + MORE });
      await producer.stop();
      const sent = countKinds(producer.confirmed);
      await flow.settled({ counted: sent.good, deadLetters: sent.bad });
      await flow.flush();
      expect(await flow.verify()).toMatchObject({
        counted: sent.good,
        flushed: sent.good,
        deadLetters: sent.bad,
        drift: 0,
      });
      expect(reasonsOf(await flow.deadLetters())).toEqual(reasonsSent(producer.confirmed));
      const api = await loginToApi({
        api: ready.api!,
        username: ready.username!,
        password: PASSWORD,
      });
      expect(sumsOfRows(await api.rows({ limit: '1000' }))).toEqual(
        sumsOfPulses(goodPulses(producer.confirmed)),
      );

      expect(system.hasEnded).toBe(false);
      system.signal('SIGTERM');
      expect((await system.ended).exitCode).toBe(0);
    },
  );
});

/** An empty database, Redis database and queue on private servers, which the test may kill. */
async function emptyServers(
  env: PrivateServers['env'],
  { name, redisIndex }: { name: string; redisIndex: number },
): Promise<FlowServers> {
  const client = new Client({ connectionString: env.DATABASE_URL });
  await client.connect();
  await client.query(`CREATE DATABASE faults_${name}`);
  await client.end();
  return {
    rabbitmqUrl: env.RABBITMQ_URL,
    redisUrl: `${env.REDIS_URL}/${redisIndex}`,
    databaseUrl: env.DATABASE_URL.replace(/[^/]+$/, `faults_${name}`),
    queue: `pulses.${name}`,
  };
}

async function readinessIs(
  api: string,
  wanted: { status: number; away: readonly string[] },
): Promise<void> {
  await eventually(async () => {
    const response = await fetch(`${api}/api/v1/health/ready`);
    const { checks } = (await response.json()) as { checks: { name: string; ready: boolean }[] };
    const away = checks.filter(({ ready }) => !ready).map(({ name }) => name);
    return { status: response.status, away };
  }, WAIT).toEqual(wanted);
}

function reasonsOf(deadLetters: readonly StoredDeadLetter[]): string[] {
  return deadLetters.map(({ message_id, reason }) => `${message_id ?? ''} ${reason}`).sort();
}

function reasonsSent(traffic: readonly GeneratedPulse[]): string[] {
  return traffic
    .flatMap((sent) => (sent.kind === 'bad' ? [`${sent.messageId} ${sent.reason}`] : []))
    .sort();
}
