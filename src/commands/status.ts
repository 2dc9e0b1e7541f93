/** `pulse status`. */
import { openClients, type Clients } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED, waitOptions, type CommandRun } from '../cli/command.ts';
import { defineCommand, type CommandContext } from '../cli/define-command.ts';
import { count, describeAge, describePause, toSnakeCase } from '../cli/wording.ts';
import type { ServerUrls } from '../config.ts';
import { whyNotPublished } from '../doctor/check-publishing.ts';
import type { PauseState } from '../ingest/pauses-query.ts';
import { sleep } from '../platform/backoff.ts';
import { withChildSignal } from '../platform/child-signal.ts';
import { serverOf } from '../platform/logger.ts';
import { withRabbitConnection } from '../platform/rabbit-connection.ts';
import { waitForRedis } from '../platform/redis.ts';
import { readQueueDepth, topologyNames, type QueueDepth } from '../platform/topology.ts';
import { createStatusRead } from '../status/read-status.ts';
import type { Depth, MessageQueue, Outbox, ServerName, Status } from '../status/status.ts';
import { askedQueueNames, messageQueueNames } from './message-queues.ts';

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
    const found = await createRead(run, clients)();
    const away = awayOf(clients.servers, found);
    run.answer(toAnswer(found, away), describeStatus(found, away, Date.now()));
    return away.length + found.problems.length === 0 ? EXIT_DONE : EXIT_FAILED;
  },
});

/** Ends when nobody reads it. Draws over the last look on a terminal; anywhere else, and with `--json`, every look follows the one before. */
async function watch(run: StatusRun, clients: Clients): Promise<number> {
  const isScreen = process.stdout.isTTY && !run.json;
  const read = createRead(run, clients);
  return await withChildSignal([run.stop, run.outputLost], async (ended) => {
    while (!ended.aborted) {
      const found = await read();
      const away = awayOf(clients.servers, found);
      const nowMs = Date.now();
      const head = `${isScreen ? CLEAR_SCREEN : ''}${new Date(nowMs).toISOString()}`;
      run.answer(toAnswer(found, away), [head, '', ...describeStatus(found, away, nowMs), '']);
      await sleep(WATCH_INTERVAL_MS, ended);
    }
    return EXIT_DONE;
  });
}

/** Nobody shares what one command reads, so it opens its own connections, and waits for Redis. */
function createRead(run: CommandRun, clients: Clients): () => Promise<Status> {
  const { servers, redis } = clients;
  const { queue, messages, flush } = run.config;
  const unknown = (): undefined => undefined;
  return createStatusRead({
    ...clients,
    askRedis: () =>
      waitForRedis(redis, { ...waitOptions(run, ANSWER_TIMEOUT_MS), url: servers.redisUrl }),
    readDepths: (queues) => readDepths(servers.rabbitmqUrl, queues),
    whyNotPublished: () => whyNotPublished(servers.rabbitmqUrl, topologyNames(queue).exchange),
    flushCron: flush.cron,
    queues: {
      pulses: queue,
      messages: messageQueueNames(messages.prefix),
      asked: askedQueueNames(messages.prefix),
    },
    known: { oldestPulseSeconds: unknown, books: unknown, nextFlushAt: unknown },
    onAsked(server, error) {
      if (error === undefined) return;
      const url = urlOf(servers, server);
      run.logger.debug({ err: error, server: serverOf(url) }, 'no answer for the status');
    },
  });
}

/** The addresses of the servers that did not answer. */
function awayOf(servers: ServerUrls, { unavailable }: Status): string[] {
  return unavailable.map((server) => serverOf(urlOf(servers, server)));
}

function urlOf(servers: ServerUrls, server: ServerName): string {
  const { rabbitmqUrl: rabbitmq, redisUrl: redis, databaseUrl: postgres } = servers;
  return { rabbitmq, redis, postgres }[server];
}

async function readDepths(
  url: string,
  queues: readonly string[],
): Promise<ReadonlyMap<string, QueueDepth>> {
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  return withRabbitConnection(url, { name: 'pulse status', signal }, async (connection) => {
    const depths = new Map<string, QueueDepth>();
    for (const queue of queues) {
      const depth = await readQueueDepth(connection, queue);
      if (depth !== undefined) depths.set(queue, depth);
    }
    return depths;
  });
}

/** With `--json`: what people are shown. The API has more. */
function toAnswer(found: Status, away: readonly string[]): unknown {
  const { ingest, queue, deadQueue, parkedQueue, outbox, exports, messageQueues } = found;
  const { sums, lastFlushAt, problems } = found;
  const shown = { ingest, queue, deadQueue, parkedQueue, outbox, exports, messageQueues };
  const { journalled, live, sealed, leftovers } = sums ?? {};
  return toSnakeCase({
    ...shown,
    sums: sums && { journalled, live, sealed, leftovers },
    ...{ lastFlushAt, away, problems },
  });
}

function describeStatus(status: Status, away: readonly string[], nowMs: number): string[] {
  const { ingest, queue, deadQueue, parkedQueue, sums, lastFlushAt, problems } = status;
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
      ({ journalled, live, sealed, leftovers }) =>
        `${count(journalled, 'pulse')} journalled, ${live} live, ${sealed} in ${count(leftovers, 'sealed batch')}`,
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
