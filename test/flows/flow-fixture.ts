/** One installation of Pulse for one flow: a new queue and databases, the commands, a producer and a user. */
import { Client, Pool } from 'pg';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { createAccumulator } from '../../src/aggregate/accumulator.ts';
import { verifyBooks, type Books } from '../../src/flush/books.ts';
import { sleep } from '../../src/platform/backoff.ts';
import { createRedis } from '../../src/platform/redis.ts';
import { hostUrls } from '../../src/platform/server-urls.ts';
import { generatePulses, type GeneratedPulse } from '../../src/populate/generate-pulses.ts';
import { loginToApi, type ApiClient } from '../support/api-client.ts';
import { isolatedServices } from '../support/isolated.ts';
import {
  runPulse,
  startPulse,
  temporaryDirectory,
  type PulseEnd,
  type PulseProcess,
} from '../support/pulse-process.ts';
import { runInProcess, runInProcessForJson, type InProcessEnd } from '../support/run-in-process.ts';
import { openForeignClient, type ForeignClient, type ForeignMessage } from './foreign-client.ts';

/** What `--json` prints once a process is ready. */
export interface ReadyLine {
  readonly api?: string;
  readonly metrics: string;
  readonly rabbitmq: string;
  readonly redis: string;
  readonly postgres: string;
  readonly username?: string;
}

export interface VerifiedBooks {
  readonly counted: number;
  readonly flushed: number;
  readonly sealed: number;
  readonly live: number;
  readonly duplicates: number;
  readonly deadLetters: number;
  readonly drift: number;
  readonly balanced: boolean;
}

/** The ways in which a pulse is settled. */
export type Settled = Pick<VerifiedBooks, 'counted' | 'duplicates' | 'deadLetters'>;

export interface Flushed {
  readonly rowCount: number;
  readonly pulseCount: number;
  readonly batchCount: number;
  readonly leftoverCount: number;
}

export interface StoredDeadLetter {
  readonly reason: string;
  readonly detail: string;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly message_id: string | null;
  readonly pulse_index: number | null;
}

type Env = Readonly<Record<string, string>>;

export interface Flow {
  readonly queue: string;
  readonly env: Env;
  readonly producer: ForeignClient;
  /** Starts a long-running command and waits until it is ready. */
  start(command: string, env?: Env): Promise<PulseProcess & { readonly ready: ReadyLine }>;
  /** Starts a command without waiting. */
  begin(args: readonly string[], env?: Env): PulseProcess;
  /** Runs a command as a process of its own. */
  run(args: readonly string[], env?: Env): Promise<PulseEnd>;
  /** Runs a command in the process of the test, where its own process is not the point. */
  call(args: readonly string[], env?: Env): Promise<InProcessEnd>;
  /** Also declares the queue, like every command that prepares the servers. */
  flush(): Promise<Flushed>;
  verify(): Promise<VerifiedBooks>;
  /** Waits until at least this many are settled. Fails when nothing moves any more: slow is no failure. */
  settled(wanted: Partial<Settled>): Promise<void>;
  /** Starts `pulse api` and logs in. */
  openApi(): Promise<ApiClient>;
  deadLetters(): Promise<StoredDeadLetter[]>;
}

export interface FlowServers {
  readonly rabbitmqUrl: string;
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly queue: string;
}

export const PASSWORD = 'the password of the flows';
const STALLED_MS = 60_000;
const POLL_MS = 50;

/** Opens an installation, by default on the servers of the test run. It is removed when the test ends. */
export async function openFlow(own: Env = {}, given?: FlowServers): Promise<Flow> {
  const servers = given ?? (await freshServers());
  const env: Env = {
    RABBITMQ_URL: servers.rabbitmqUrl,
    REDIS_URL: servers.redisUrl,
    DATABASE_URL: servers.databaseUrl,
    PULSE_QUEUE: servers.queue,
    INGEST_THREADS: '1',
    API_PORT: '0',
    METRICS_PORT: '0',
    JWT_SECRET: 'a secret for flows, 32 characters or more',
    ADMIN_PASSWORD: PASSWORD,
    LOG_LEVEL: 'warn',
    ...own,
  };
  const cwd = temporaryDirectory();
  const options = (more: Env = {}) => ({ cwd, env: { ...env, ...more } });
  const readBooks = openBooks(servers, Number(env.SHARDS ?? '1'));

  const flow: Flow = {
    queue: servers.queue,
    env,
    producer: await openForeignClient(firstHost(servers.rabbitmqUrl), servers.queue),
    async start(command, more) {
      const running = startPulse([command, '--json'], options(more));
      const ready = JSON.parse(await running.firstLine()) as ReadyLine;
      return Object.defineProperty(running, 'ready', { value: ready }) as PulseProcess & {
        ready: ReadyLine;
      };
    },
    begin: (args, more) => startPulse(args, options(more)),
    run: (args, more) => runPulse(args, options(more)),
    call: (args, more) => runInProcess(args, { ...env, ...more }),
    flush: async () => toCamelCase(await runInProcessForJson(['flush', '--json'], env)) as Flushed,
    verify: async () =>
      toCamelCase(await runInProcessForJson(['verify', '--json'], env)) as VerifiedBooks,
    async settled(wanted) {
      let [seen, movedMs] = ['', performance.now()];
      for (;;) {
        // Servers may be down for a while.
        const books = await readBooks().catch(() => undefined);
        const missing = Object.entries(wanted).filter(
          ([name, count]) => !(Number(books?.[name as keyof Settled]) >= count),
        );
        if (missing.length === 0) return;
        const now = books === undefined ? seen : Object.entries(books).join(' ');
        if (now !== seen) [seen, movedMs] = [now, performance.now()];
        else if (performance.now() - movedMs > STALLED_MS) {
          throw new Error(`${seen} stays below ${JSON.stringify(wanted)}.`);
        }
        await sleep(POLL_MS);
      }
    },
    async openApi() {
      const { ready } = await flow.start('api');
      return loginToApi({ api: ready.api!, username: ready.username!, password: PASSWORD });
    },
    async deadLetters() {
      const client = new Client({ connectionString: servers.databaseUrl });
      await client.connect();
      try {
        const { rows } = await client.query<StoredDeadLetter>(
          'SELECT reason, detail, body, headers, message_id, pulse_index FROM dead_letters',
        );
        return rows;
      } finally {
        await client.end();
      }
    },
  };
  return flow;
}

/** The command line answers in snake_case; tests read camelCase. */
function toCamelCase(answer: object): unknown {
  const rename = (name: string) => name.replace(/_[a-z]/g, ([, letter]) => letter!.toUpperCase());
  const members = Object.entries(answer) as [string, unknown][];
  return Object.fromEntries(members.map(([name, value]) => [rename(name), value]));
}

/** The books, read without starting a process each time: polling must not slow down the system under test. */
function openBooks({ redisUrl, databaseUrl }: FlowServers, shards: number): () => Promise<Books> {
  const redis = createRedis(redisUrl, { name: 'flow test', logger: pino({ level: 'silent' }) });
  const pool = new Pool({ connectionString: databaseUrl, max: 1 });
  pool.on('error', () => undefined);
  onTestFinished(async () => {
    redis.disconnect();
    await pool.end();
  });
  const accumulator = createAccumulator({ redis, shards });
  return () => verifyBooks({ accumulator, pool });
}

/** The plain client library takes only one host per URL. */
function firstHost(url: string): string {
  return hostUrls(url)[0] ?? url;
}

export async function freshServers(): Promise<FlowServers> {
  const services = await isolatedServices();
  onTestFinished(() => services.close());
  return services;
}

/** Generated traffic over a few keys: mostly good, some twice, some bad. */
export function makeTraffic(count: number, runId: string, startIndex = 0): GeneratedPulse[] {
  return [
    ...generatePulses({
      seed: 7 + startIndex,
      count,
      tenants: 9,
      skus: 4,
      units: 3,
      hours: 3,
      nowMs: Date.now(),
      duplicateRatio: 0.05,
      badRatio: 0.003,
      runId,
      startIndex,
    }),
  ];
}

export function toMessage({ body, messageId }: GeneratedPulse): ForeignMessage {
  return { body, options: { messageId } };
}

export function countKinds(traffic: readonly GeneratedPulse[]) {
  const count = (kind: GeneratedPulse['kind']) =>
    traffic.filter((generated) => generated.kind === kind).length;
  return { good: count('good'), duplicate: count('duplicate'), bad: count('bad') };
}
