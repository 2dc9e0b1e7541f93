/** `pulse status`. */
import type { Command } from 'commander';
import type { ShardBooks } from '../aggregate/accumulator.ts';
import { readLastFlush } from '../flush/ledger.ts';
import { serverOf } from '../platform/logger.ts';
import { readPauseState, type PauseState } from '../ingest/pauses-query.ts';
import { closeRabbitConnection, openRabbitConnection } from '../platform/rabbit-connection.ts';
import { waitForRedis } from '../platform/redis.ts';
import { readQueueDepth, topologyNames } from '../platform/topology.ts';
import {
  EXIT_DONE,
  EXIT_FAILED,
  runAction,
  toJson,
  withExamples,
  type CommandEnvironment,
  type CommandRun,
} from '../cli/command.ts';
import { findServers } from '../cli/servers.ts';
import { openAccumulator, openClients } from '../cli/clients.ts';

/** What a person asks first. A part is null when the server that knows it does not answer. */
interface Status {
  readonly ingest: PauseState | null;
  readonly queue: { readonly ready: number; readonly consumers: number } | null;
  readonly deadQueue: { readonly ready: number; readonly consumers: number } | null;
  readonly sums: {
    readonly live: bigint;
    readonly sealed: bigint;
    readonly leftovers: number;
  } | null;
  readonly lastFlushAt: Date | null;
  /** Servers that did not answer, or hold nothing of Pulse yet. */
  readonly away: readonly string[];
}

/** How long a server may take to answer. */
const ANSWER_TIMEOUT_MS = 5_000;

export function addStatusCommand(
  program: Command,
  environment: CommandEnvironment,
  setExitCode: (code: number) => void,
): void {
  const command = program
    .command('status')
    .description('Say whether ingest is paused, what waits where, and when the last flush was.')
    .option('--json', 'print as JSON')
    .action(async (flags: { json?: true }) => {
      setExitCode(
        await runAction(environment, { api: false }, async (run) => {
          const status = await readStatus(run);
          if (flags.json === true) run.print(toJson(status));
          else for (const line of describeStatus(status)) run.print(line);
          return status.away.length === 0 ? EXIT_DONE : EXIT_FAILED;
        }),
      );
    });
  withExamples(command, 'pulse status', 'pulse status --json');
}

async function readStatus(run: CommandRun): Promise<Status> {
  const servers = findServers(run);
  const { redis, pool } = openClients(run, servers);
  const away: string[] = [];
  const orAway = async <T>(url: string, read: () => Promise<T>): Promise<T | null> => {
    try {
      return await read();
    } catch (error) {
      run.logger.debug({ err: error, server: serverOf(url) }, 'no answer for the status');
      away.push(serverOf(url));
      return null;
    }
  };
  const [inPostgres, queues, sums] = await Promise.all([
    orAway(servers.databaseUrl, async () => ({
      ingest: await readPauseState(pool),
      lastFlushAt: await readLastFlush(pool),
    })),
    orAway(servers.rabbitmqUrl, () => readQueues(servers.rabbitmqUrl, run.config.queue)),
    orAway(servers.redisUrl, async () => {
      const timeoutMs = Math.min(run.config.startTimeoutMs, ANSWER_TIMEOUT_MS);
      const wait = { timeoutMs, logger: run.logger, signal: run.stop };
      await waitForRedis(redis, { ...wait, url: servers.redisUrl });
      const accumulator = openAccumulator(run, redis);
      const shards = Array.from({ length: accumulator.shards }, (_, shard) => shard);
      return sumUp(await Promise.all(shards.map((shard) => accumulator.readBooks(shard))));
    }),
  ]);
  return {
    ingest: inPostgres?.ingest ?? null,
    queue: queues?.queue ?? null,
    deadQueue: queues?.deadQueue ?? null,
    sums,
    lastFlushAt: inPostgres?.lastFlushAt ?? null,
    away,
  };
}

async function readQueues(url: string, name: string) {
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const connection = await openRabbitConnection(url, { name: 'pulse status', signal });
  try {
    const names = topologyNames(name);
    const read = async (queue: string) => {
      const depth = await readQueueDepth(connection, queue);
      return depth === undefined
        ? null
        : { ready: depth.readyCount, consumers: depth.consumerCount };
    };
    return { queue: await read(names.queue), deadQueue: await read(names.deadQueue) };
  } finally {
    await closeRabbitConnection(connection);
  }
}

function sumUp(books: readonly ShardBooks[]) {
  const sealed = books.flatMap((shard) => shard.sealed);
  return {
    live: books.reduce((sum, { live }) => sum + (live?.pulseCount ?? 0n), 0n),
    sealed: sealed.reduce((sum, { pulseCount }) => sum + pulseCount, 0n),
    leftovers: sealed.length,
  };
}

function describeStatus({ ingest, queue, deadQueue, sums, lastFlushAt, away }: Status): string[] {
  const line = (name: string, text: string): string => `${name.padEnd(14)} ${text}`;
  return [
    line('ingest', ingest === null ? 'unknown' : describePause(ingest)),
    line(
      'queue',
      queue === null ? 'unknown' : `${queue.ready} ready, ${queue.consumers} threads consume it`,
    ),
    line('dead letters', deadQueue === null ? 'unknown' : `${deadQueue.ready} on their way`),
    line(
      'in Redis',
      sums === null
        ? 'unknown'
        : `${sums.live} pulses live, ${sums.sealed} in ${sums.leftovers} sealed batches`,
    ),
    line('last flush', lastFlushAt?.toISOString() ?? (ingest === null ? 'unknown' : 'never')),
    ...away.map((server) => line('AWAY', `${server} gives no answer; \`pulse doctor\` says more`)),
  ];
}

/** Who paused or resumed, when and why. */
export function describePause({ paused, by, note, since }: PauseState): string {
  const what = paused ? 'PAUSED' : 'running';
  if (by === null || since === null) return what;
  return `${what} since ${since.toISOString()}, by ${by}${note === null ? '' : `: ${note}`}`;
}
