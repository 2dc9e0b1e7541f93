/** `pulse status`. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ShardBooks } from '../aggregate/accumulator.ts';
import { compareEpochs, type EpochVerdict } from '../aggregate/epoch.ts';
import { readStoredSettings } from '../aggregate/settings.ts';
import { openClients, type Clients } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED, waitOptions, type CommandRun } from '../cli/command.ts';
import { defineCommand, type CommandContext } from '../cli/define-command.ts';
import { count, describeAge, describePause, toSnakeCase } from '../cli/wording.ts';
import { readLastFlush } from '../flush/ledger.ts';
import { readPauseState, type PauseState } from '../ingest/pauses-query.ts';
import { readOutboxDepth } from '../messaging/relay-query.ts';
import { serverOf } from '../platform/logger.ts';
import { withRabbitConnection } from '../platform/rabbit-connection.ts';
import { waitForRedis } from '../platform/redis.ts';
import { readQueueDepth, topologyNames } from '../platform/topology.ts';
import { isExporterMissing, type OpenExports } from '../doctor/check-exports.ts';
import { OUTBOX_LATE_SECONDS } from '../doctor/check-messages.ts';
import { readDepth } from '../exports/exports-query.ts';
import { askedQueueNames, messageQueueNames } from './message-queues.ts';

interface Depth {
  readonly ready: number;
  readonly consumers: number;
}

interface Outbox {
  /** Due, or refused by RabbitMQ. */
  readonly waiting: number;
  readonly oldestSeconds: number;
  /** For later, such as retries. */
  readonly scheduled: number;
}

interface MessageQueue extends Depth {
  readonly name: string;
  /** False: its messages wait until somebody asks for one. */
  readonly needsConsumers: boolean;
}

/** What operators ask first. A value is null when the server that knows it does not answer. */
interface Status {
  readonly ingest: PauseState | null;
  readonly queue: Depth | null;
  readonly deadQueue: Depth | null;
  readonly parkedQueue: Depth | null;
  readonly outbox: Outbox | null;
  readonly exports: OpenExports | null;
  /** Null when RabbitMQ does not answer; without the queues that do not exist yet. */
  readonly messageQueues: readonly MessageQueue[] | null;
  readonly sums: {
    readonly live: bigint;
    readonly sealed: bigint;
    readonly leftovers: number;
  } | null;
  readonly lastFlushAt: Date | null;
  /** Servers that did not answer, or hold nothing of Pulse yet. */
  readonly away: readonly string[];
  /** Sentences about what is wrong though every server answers. */
  readonly problems: readonly string[];
}

/** How long a server may take to answer. */
const ANSWER_TIMEOUT_MS = 5_000;

type StatusRun = Pick<CommandContext<never, undefined>, 'answer' | 'json'> & CommandRun;

const WATCH_INTERVAL_MS = 2_000;
const CLEAR_SCREEN = '\u001b[H\u001b[2J';

export const status = defineCommand({
  options: {
    watch: { about: `look again every ${WATCH_INTERVAL_MS / 1000} seconds, until Ctrl-C` },
  },
  json: true,
  examples: ['pulse status', 'pulse status --json', 'pulse status --watch'],
  async run(run) {
    const clients = openClients(run);
    if (run.flags.watch) return await watch(run, clients);
    const found = await readStatus(run, clients);
    run.answer(toSnakeCase(found), describeStatus(found, Date.now()));
    return found.away.length + found.problems.length === 0 ? EXIT_DONE : EXIT_FAILED;
  },
});

/** Draws over the last look on a terminal; anywhere else, and with `--json`, every look follows the one before. */
async function watch(run: StatusRun, clients: Clients): Promise<number> {
  const isScreen = process.stdout.isTTY && !run.json;
  while (!run.stop.aborted) {
    const found = await readStatus(run, clients);
    const nowMs = Date.now();
    const head = `${isScreen ? CLEAR_SCREEN : ''}${new Date(nowMs).toISOString()}`;
    run.answer(toSnakeCase(found), [head, '', ...describeStatus(found, nowMs), '']);
    // Rejects only when the signal ends the wait.
    await delay(WATCH_INTERVAL_MS, undefined, { signal: run.stop }).catch(() => undefined);
  }
  return EXIT_DONE;
}

async function readStatus(run: CommandRun, clients: Clients): Promise<Status> {
  const { servers, redis, pool, accumulator } = clients;
  const away: string[] = [];
  const orNull = async <T>(url: string, read: () => Promise<T>): Promise<T | null> => {
    try {
      return await read();
    } catch (error) {
      run.logger.debug({ err: error, server: serverOf(url) }, 'no answer for the status');
      away.push(serverOf(url));
      return null;
    }
  };
  const [inPostgres, queues, inRedis] = await Promise.all([
    orNull(servers.databaseUrl, async () => ({
      ingest: await readPauseState(pool),
      lastFlushAt: await readLastFlush(pool),
      outbox: await readOutbox(pool),
      exports: await readExports(pool),
      shards: (await readStoredSettings(pool)).get('shards'),
    })),
    orNull(servers.rabbitmqUrl, () => readQueues(servers.rabbitmqUrl, run.config)),
    orNull(servers.redisUrl, async () => {
      const wait = waitOptions(run, ANSWER_TIMEOUT_MS);
      await waitForRedis(redis, { ...wait, url: servers.redisUrl });
      const verdict = await readVerdict(clients);
      // The books of a Redis that has lost its data are empty, and asking for them would load the functions.
      if (verdict === 'different') return { verdict, sums: null };
      if (verdict === 'none') return { verdict, sums: sumUp([]) };
      const shards = Array.from({ length: accumulator.shards }, (_, shard) => shard);
      const books = await Promise.all(shards.map((shard) => accumulator.readBooks(shard)));
      return { verdict, sums: sumUp(books) };
    }),
  ]);
  const found = {
    ingest: inPostgres?.ingest ?? null,
    queue: queues?.queue ?? null,
    deadQueue: queues?.deadQueue ?? null,
    parkedQueue: queues?.parkedQueue ?? null,
    outbox: inPostgres?.outbox ?? null,
    exports: inPostgres?.exports ?? null,
    messageQueues: queues?.messageQueues ?? null,
    sums: inRedis?.sums ?? null,
    lastFlushAt: inPostgres?.lastFlushAt ?? null,
    away,
  };
  const problems = problemsOf(found, inRedis?.verdict);
  const { shards = String(accumulator.shards) } = inPostgres ?? {};
  if (shards !== String(accumulator.shards)) {
    problems.push(`SHARDS is ${accumulator.shards}, but this installation uses ${shards}`);
  }
  return { ...found, problems };
}

/** Whether Redis and Postgres belong together; undefined when that cannot be told. */
async function readVerdict(clients: Clients): Promise<EpochVerdict | undefined> {
  const epochs = await compareEpochs(clients).catch(() => undefined);
  return epochs?.verdict;
}

function problemsOf(
  found: Pick<Status, 'ingest' | 'queue' | 'outbox' | 'exports' | 'messageQueues'>,
  verdict: EpochVerdict | undefined,
): string[] {
  const { ingest, queue, outbox, exports, messageQueues } = found;
  const problems: string[] = [];
  if (verdict === 'different') {
    problems.push('Redis has lost its data, or Redis and Postgres do not belong together');
  }
  if (queue !== null && queue.ready > 0 && queue.consumers === 0 && ingest?.paused !== true) {
    problems.push(`nothing counts the ${queue.ready} pulses that wait: no worker consumes them`);
  }
  if (outbox !== null && outbox.oldestSeconds > OUTBOX_LATE_SECONDS) {
    problems.push(`the outbox has waited for ${outbox.oldestSeconds} s to be published`);
  }
  if (exports !== null && isExporterMissing(exports)) {
    problems.push(`no exporter makes the ${count(exports.queued, 'export')} in the queue`);
  }
  for (const { name, ready, consumers, needsConsumers } of messageQueues ?? []) {
    if (ready > 0 && consumers === 0 && needsConsumers) {
      problems.push(`nothing handles the ${count(ready, 'message')} in ${name}`);
    }
  }
  return problems;
}

async function readOutbox(pool: Clients['pool']): Promise<Outbox> {
  const { dueCount, oldestSeconds, delayedCount } = await readOutboxDepth(pool);
  return {
    waiting: dueCount,
    oldestSeconds: Math.round(oldestSeconds),
    scheduled: delayedCount,
  };
}

async function readExports(pool: Clients['pool']): Promise<OpenExports> {
  const { queued, running, oldestSeconds } = await readDepth(pool);
  return { queued, running, oldestSeconds: Math.round(oldestSeconds) };
}

async function readQueues(url: string, config: CommandRun['config']) {
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  return withRabbitConnection(url, { name: 'pulse status', signal }, async (connection) => {
    const names = topologyNames(config.queue);
    const read = async (queue: string): Promise<Depth | null> => {
      const depth = await readQueueDepth(connection, queue);
      return depth === undefined
        ? null
        : { ready: depth.readyCount, consumers: depth.consumerCount };
    };
    const found: MessageQueue[] = [];
    const asked = askedQueueNames(config.messages.prefix);
    for (const name of messageQueueNames(config.messages.prefix)) {
      const depth = await read(name);
      if (depth !== null) found.push({ name, ...depth, needsConsumers: !asked.includes(name) });
    }
    return {
      queue: await read(names.queue),
      deadQueue: await read(names.deadQueue),
      parkedQueue: await read(names.parkedQueue),
      messageQueues: found,
    };
  });
}

function sumUp(books: readonly ShardBooks[]) {
  const sealed = books.flatMap((shard) => shard.sealed);
  return {
    journalled: books.reduce((sum, { journalled }) => sum + journalled, 0n),
    live: books.reduce((sum, { live }) => sum + (live?.pulseCount ?? 0n), 0n),
    sealed: sealed.reduce((sum, { pulseCount }) => sum + pulseCount, 0n),
    leftovers: sealed.length,
  };
}

function describeStatus(status: Status, nowMs: number): string[] {
  const { ingest, queue, deadQueue, parkedQueue, sums, lastFlushAt, away, problems } = status;
  const { outbox, exports, messageQueues: depths } = status;
  const parkedCount = parkedQueue?.ready ?? 0;
  const parked = parkedCount === 0 ? '' : `, ${parkedCount} parked`;
  const line = <T>(name: string, known: T | null, describe: (known: T) => string): string =>
    `${name.padEnd(14)} ${known === null ? 'unknown' : describe(known)}`;
  return [
    line('ingest', ingest, (state) => `${describeIngest(state, queue)}${describePause(state)}`),
    line('queue', queue, ({ ready, consumers }) => {
      const consume = consumers === 1 ? 'consumes' : 'consume';
      return `${count(ready, 'message')} ready, ${count(consumers, 'thread')} ${consume} it`;
    }),
    line(
      'dead letters',
      deadQueue,
      ({ ready }) => `${ready} on their way to the quarantine${parked}`,
    ),
    line('outbox', outbox, describeOutbox),
    line('messages', depths, describeMessages),
    line('exports', exports, ({ queued, running }) => `${queued} queued, ${running} running`),
    line(
      'in Redis',
      sums,
      ({ live, sealed, leftovers }) =>
        `${count(live, 'pulse')} live, ${sealed} in ${count(leftovers, 'sealed batch')}`,
    ),
    line('last flush', ingest, () =>
      lastFlushAt === null
        ? 'never'
        : `${lastFlushAt.toISOString()}, ${describeAge(lastFlushAt, nowMs)}`,
    ),
    ...away.map((server) =>
      line('UNAVAILABLE', server, () => `${server} does not answer; \`pulse doctor\` says more`),
    ),
    ...problems.map((problem) =>
      line('PROBLEM', problem, () => `${problem}; \`pulse doctor\` says more`),
    ),
  ];
}

/** Whether anything consumes, as far as that is known. */
function describeIngest({ paused }: PauseState, queue: Depth | null): string {
  if (paused || queue === null) return '';
  return queue.consumers > 0 ? 'running, ' : 'NOT RUNNING, ';
}

function describeOutbox({ waiting, oldestSeconds, scheduled }: Outbox): string {
  const oldest = waiting === 0 ? '' : `, the oldest for ${oldestSeconds} s`;
  return `${count(waiting, 'message')} not published${oldest}; ${scheduled} scheduled for later`;
}

function describeMessages(queues: readonly MessageQueue[]): string {
  if (queues.length === 0) return 'no queue yet; the API creates them';
  return queues
    .map(({ name, ready, consumers, needsConsumers }) => {
      return `${ready} in ${name}${needsConsumers && consumers === 0 ? ' (NOT CONSUMED)' : ''}`;
    })
    .join(', ');
}
