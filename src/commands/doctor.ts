/** `pulse doctor`. */
import { DatabaseError } from 'pg';
import type { Finding } from '../aggregate/redis-durability.ts';
import { openClients, type Clients } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED, waitOptions, type CommandRun } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { PulseError } from '../core/errors.ts';
import { readPauseState } from '../ingest/pauses-query.ts';
import { serverOf } from '../platform/logger.ts';
import { waitForRedis } from '../platform/redis.ts';
import { checkPostgres, checkRabbit, checkRedis } from '../doctor/check-servers.ts';
import { danger } from '../doctor/findings.ts';
import { checkMessageQueues } from '../doctor/check-messages.ts';
import { checkDisk, checkState } from '../doctor/check-state.ts';
import { checkTimeZones } from '../doctor/check-time-zones.ts';
import { askedQueueNames, messageQueueNames } from './message-queues.ts';

export const doctor = defineCommand({
  json: true,
  examples: ['pulse doctor', 'pulse doctor --json'],
  async run(run) {
    const findings = await examine(run);
    run.answer({ findings }, findings.map(describe));
    return findings.some(({ status }) => status === 'danger') ? EXIT_FAILED : EXIT_DONE;
  },
});

/** How long Redis may take to answer; its client connects in the background. */
const ANSWER_TIMEOUT_MS = 5_000;

/** Checks all three servers; one that is unavailable is a finding, and the others are still checked. */
async function examine(run: CommandRun): Promise<Finding[]> {
  const clients = openClients(run);
  const { servers, redis, pool } = clients;
  const { queue, shards, ingest, messages } = run.config;
  const findings = await Promise.all([
    orDanger('rabbitmq', servers.rabbitmqUrl, async () => {
      const asked = askedQueueNames(messages.prefix);
      const names = messageQueueNames(messages.prefix).filter((name) => !asked.includes(name));
      return [
        ...(await checkRabbit(servers.rabbitmqUrl, queue, () => isPaused(pool))),
        ...(await checkMessageQueues(servers.rabbitmqUrl, names)),
      ];
    }),
    orDanger('redis', servers.redisUrl, async () => {
      const wait = waitOptions(run, ANSWER_TIMEOUT_MS);
      await waitForRedis(redis, { ...wait, url: servers.redisUrl });
      return checkRedis(redis);
    }),
    orDanger('postgres', servers.databaseUrl, () =>
      checkPostgres(servers.databaseUrl, pool, { shards, windowSeconds: ingest.windowSeconds }),
    ),
  ]);
  const known = findings.flat();
  const whole = await orDanger('state', servers.redisUrl, () => checkWhole(run, clients, known));
  return [...known, ...whole];
}

/** Checks that need several servers, as far as those answer. */
async function checkWhole(
  run: CommandRun,
  clients: Clients,
  known: readonly Finding[],
): Promise<Finding[]> {
  const { servers, redis, pool } = clients;
  const isOk = (name: string): boolean => {
    const named = known.filter((finding) => isNamed(finding, name));
    return named.length > 0 && named.every(({ status }) => status === 'ok');
  };
  const answers = (name: string): boolean => known.some((finding) => isNamed(finding, name));
  const findings = [
    await checkDisk('redis disk', servers.redisUrl, async () => {
      return isOk('redis version') ? (await redis.config('GET', 'dir'))[1] : undefined;
    }),
    await checkDisk('postgres disk', servers.databaseUrl, async () => {
      const { rows } = await pool.query<{ data_directory: string }>('SHOW data_directory');
      return rows[0]?.data_directory;
    }),
  ];
  if (isOk('postgres version')) findings.push(await checkTimeZones(pool));
  if (!answers('redis version') || !answers('postgres version')) return findings;
  const state = await checkState(
    { ...clients, flushCron: run.config.flush.cron },
    {
      schema: isOk('postgres migrations') && isOk('shards'),
      functions: isOk('redis functions'),
    },
  );
  return [...findings, ...state];
}

/** In a cluster, a finding's name ends in the node's address. */
function isNamed(finding: Finding, name: string): boolean {
  return finding.name === name || finding.name.startsWith(`${name} at `);
}

/** False if Postgres does not answer, or has no such table yet. */
function isPaused(pool: Clients['pool']): Promise<boolean> {
  return readPauseState(pool).then(
    ({ paused }) => paused,
    () => false,
  );
}

async function orDanger(
  name: string,
  url: string,
  check: () => Promise<Finding[]>,
): Promise<Finding[]> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof PulseError) return [danger(name, error.message)];
    // The server answers; a check of several servers would otherwise name the wrong one.
    if (error instanceof DatabaseError) {
      return [danger(name, `Postgres refuses a query: ${error.message}`)];
    }
    const reason = error instanceof Error ? error.message : 'unknown';
    return [danger(name, `${serverOf(url)} does not answer (${reason})`)];
  }
}

const MARKS: Record<Finding['status'], string> = {
  ok: 'ok     ',
  warning: 'warning',
  danger: 'DANGER ',
};

function describe({ name, status, detail }: Finding): string {
  return `${MARKS[status]}  ${name.padEnd(24)} ${detail}`;
}
