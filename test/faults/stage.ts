/** The system of a round: workers, their proxies, the producer's proxy; and how it settles at the end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sleep, waitAtMost } from '../../src/platform/backoff.ts';
import { createRandom, type Random } from '../../src/populate/random.ts';
import type { RoundPlan } from './catalogue.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { pick, type Proxies, type Extra, type Scene, type Seat } from './fault.ts';
import { keepWorker, runChild, startChild, type ChildOptions, type Env } from './pulse-child.ts';
import {
  createInstallation,
  openAdminPool,
  type Installation,
  type ServerUrls,
  type TestServers,
} from './test-servers.ts';

export interface RoundOptions {
  readonly main: string;
  readonly servers: TestServers;
  /** For the intent log and the output of the processes. */
  readonly directory: string;
  readonly redisIndex: number;
}

export interface Stage {
  readonly installation: Installation;
  readonly producerProxy: TcpProxy;
  readonly foreign: { least: number; most: number };
  sceneFor(faultIndex: number, random: Random): Scene;
  /** Starts servers that have ended, heals proxies, resumes suspended processes. */
  heal(): Promise<void>;
  /** Waits until the queues are empty and the workers have stopped, then flushes. */
  settle(complaints: string[]): Promise<void>;
  /** Runs a command that prints JSON, without proxies. */
  pulseJson<T>(args: readonly string[], complaints: string[]): Promise<T | undefined>;
  notes(): string[];
  saveOutput(directory: string): void;
  /** Removes what the round has left on the servers. */
  remove(): Promise<void>;
  close(): Promise<void>;
}

const QUIET_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 40_000;
const READY_TIMEOUT_MS = 20_000;
const PASSWORD = 'a password of faults';

export async function openStage(plan: RoundPlan, options: RoundOptions): Promise<Stage> {
  const { servers, main } = options;
  const name = `f${plan.seed}`;
  const cwd = mkdtempSync(join(tmpdir(), 'pulse-faults-'));
  const installation = await createInstallation(servers, {
    name,
    redisIndex: options.redisIndex,
    shards: plan.shards,
    async migrate(postgres) {
      const env = toEnv({ ...servers.urls, postgres });
      const { exitCode, output } = await runChild({ main, args: ['migrate'], env, cwd });
      if (exitCode !== 0) throw new Error(`pulse migrate: ${output}`);
    },
  });
  const clockFile = join(cwd, 'clock');
  const admin = openAdminPool(installation.urls.postgres);
  const env = (urls: ServerUrls): Env => ({
    ...commonEnv(plan, installation.queue),
    ...toEnv(urls),
  });
  const straight = (args: readonly string[]): ChildOptions => ({
    main,
    args,
    cwd,
    env: env(installation.urls),
  });
  const producerProxy = await startTcpProxy(installation.urls.rabbitmq);
  const seats: Seat[] = [];
  const extras: Extra[] = [];
  const crashes = plan.faults.filter(({ firstEnv }) => firstEnv !== undefined);
  const shifted = plan.faults.some(({ shiftedClock }) => shiftedClock === true);
  for (let index = 0; index < plan.workers; index++) {
    const proxies = await startProxies(installation.urls);
    const clockEnv = shifted ? shiftedClockEnv(clockFile) : {};
    const worker = keepWorker(
      {
        ...straight(['worker', '--json', '--allow-test-faults']),
        env: { ...env(urlsOf(proxies)), ...clockEnv },
      },
      crashes[index]?.firstEnv?.(seededFor(plan, index)),
    );
    seats.push({ worker, proxies });
  }
  await Promise.all(seats.map(({ worker }) => worker.ready()));
  const failed = seats.find(({ worker }) => worker.child.stdout === '');
  if (failed !== undefined) throw new Error(`pulse worker: ${failed.worker.output}`);

  const startPulse = async (args: readonly string[], own: Env = {}): Promise<Extra> => {
    const proxies = await startProxies(installation.urls);
    const extra = {
      child: startChild({ main, args, cwd, env: { ...env(urlsOf(proxies)), ...own } }),
      proxies,
    };
    extras.push(extra);
    return extra;
  };
  const allProxies = () => [
    producerProxy,
    ...[...seats, ...extras].flatMap(({ proxies }) => Object.values(proxies) as TcpProxy[]),
  ];
  const foreign = { least: 0, most: 0 };
  const stopNotes: string[] = [];
  const stage: Stage = {
    installation,
    producerProxy,
    foreign,
    sceneFor: (faultIndex, random) => {
      const fault = plan.faults[faultIndex];
      const own = fault === undefined ? -1 : crashes.indexOf(fault);
      return {
        ...{ random, servers, installation, seats, producerProxy, admin, startPulse },
        ...{ stopMs: plan.stopMs, shards: plan.shards, foreign, clockFile },
        seat: seats[own] ?? pick(seats, random),
      };
    },
    async heal() {
      for (const proxy of allProxies()) proxy.heal();
      for (const { child } of extras) child.signal('SIGCONT');
      for (const { worker } of seats) worker.child.signal('SIGCONT');
      writeFileSync(clockFile, '0');
      await servers.heal();
    },
    settle: (complaints) =>
      settle({ installation, seats, extras, straight, stopNotes }, complaints),
    async pulseJson<T>(args: readonly string[], complaints: string[]) {
      const { exitCode, stdout, output } = await runChild(straight(args));
      if (exitCode !== 0)
        complaints.push(`pulse ${args.join(' ')} ended with ${exitCode}: ${output}`);
      return stdout === '' ? undefined : (JSON.parse(stdout) as T);
    },
    notes: () => [...countEnds(seats), ...stopNotes],
    saveOutput(directory) {
      for (const [index, { worker }] of seats.entries()) {
        writeFileSync(join(directory, `worker-${index}.log`), worker.output);
      }
      for (const [index, { child }] of extras.entries()) {
        writeFileSync(join(directory, `extra-${index}.log`), child.output);
      }
    },
    remove: () => installation.remove(),
    async close() {
      for (const { worker } of seats) await worker.stop(1_000);
      for (const { child } of extras) child.signal('SIGKILL');
      for (const proxy of allProxies()) await proxy.close();
      await admin.end();
      rmSync(cwd, { recursive: true, force: true });
    },
  };
  return stage;
}

interface Settling {
  readonly installation: Installation;
  readonly seats: readonly Seat[];
  readonly extras: readonly Extra[];
  readonly straight: (args: readonly string[]) => ChildOptions;
  readonly stopNotes: string[];
}

/**
 * The depth of a queue leaves out pulses that a consumer holds, so both queues must be empty while nobody consumes; and so
 * must the journal, which a worker leaves as it is while a dead one has its lease.
 */
async function settle(settling: Settling, complaints: string[]): Promise<void> {
  const { installation, seats, extras, straight, stopNotes } = settling;
  const deadlineMs = performance.now() + QUIET_TIMEOUT_MS;
  for (const { child } of extras) {
    await waitAtMost(10_000, child.ended);
    child.signal('SIGKILL');
    await child.ended;
  }
  for (let attempt = 0; ; attempt++) {
    await untilEmpty(installation, deadlineMs);
    const readiness = Promise.all(seats.map(({ worker }) => worker.ready()));
    await waitAtMost(READY_TIMEOUT_MS, readiness);
    const ends = await Promise.all(seats.map(({ worker }) => worker.stop(STOP_TIMEOUT_MS)));
    for (const { exitCode, signal } of ends) {
      if (exitCode !== 0) stopNotes.push(`a worker did not stop cleanly: ${signal ?? exitCode}`);
    }
    if (await isEmpty(installation)) break;
    if (performance.now() > deadlineMs) {
      complaints.push(
        `the queues never became empty: ${JSON.stringify(await installation.depths())}`,
      );
      return;
    }
    for (const { worker } of seats) worker.restart();
  }
  const { exitCode, output } = await runChild(straight(['flush']));
  if (exitCode !== 0) complaints.push(`the last pulse flush ended with ${exitCode}: ${output}`);
}

async function untilEmpty(installation: Installation, deadlineMs: number): Promise<void> {
  for (let emptyTimes = 0; emptyTimes < 2 && performance.now() < deadlineMs;) {
    emptyTimes = (await isEmpty(installation)) ? emptyTimes + 1 : 0;
    await sleep(150);
  }
}

async function isEmpty(installation: Installation): Promise<boolean> {
  try {
    const { pulses, dead, journalled } = await installation.depths();
    return pulses === 0 && dead === 0 && journalled === 0;
  } catch {
    return false;
  }
}

/** The faults cause SIGKILL; for any other end the process itself is responsible. */
function countEnds(seats: readonly Seat[]): string[] {
  const times = new Map<string, number>();
  for (const end of seats.flatMap(({ worker }) => worker.ends)) {
    if (end !== 'SIGKILL') times.set(end, (times.get(end) ?? 0) + 1);
  }
  return [...times].map(([end, count]) => `a worker ended by itself: ${end}, ${count} times`);
}

function commonEnv(plan: RoundPlan, queue: string): Env {
  return {
    PULSE_QUEUE: queue,
    INGEST_THREADS: String(plan.threads),
    SHARDS: String(plan.shards),
    BATCH_SIZE: String(plan.batchSize),
    FLUSH_CRON: '*/2 * * * * *',
    API_PORT: '0',
    METRICS_PORT: '0',
    JWT_SECRET: 'a secret of faults, 32 characters at least',
    ADMIN_PASSWORD: PASSWORD,
    LOG_LEVEL: 'info',
  };
}

export function toEnv({ rabbitmq, redis, postgres }: ServerUrls): Env {
  return { RABBITMQ_URL: rabbitmq, REDIS_URL: redis, DATABASE_URL: postgres };
}

export async function startProxies(urls: ServerUrls): Promise<Proxies> {
  return {
    rabbitmq: await startTcpProxy(urls.rabbitmq),
    redis: await startTcpProxy(urls.redis),
    postgres: await startTcpProxy(urls.postgres),
  };
}

export function urlsOf({ rabbitmq, redis, postgres }: Proxies): ServerUrls {
  return { rabbitmq: rabbitmq.url, redis: redis.url, postgres: postgres.url };
}

function shiftedClockEnv(clockFile: string): Env {
  const preload = new URL('./clock-shift.js', import.meta.url);
  return {
    NODE_OPTIONS: `--import ${preload.href}`,
    FAULTS_CLOCK_FILE: fileURLToPath(new URL(`file://${clockFile}`)),
  };
}

function seededFor({ seed }: RoundPlan, index: number): Random {
  return createRandom(seed + 100 + index);
}
