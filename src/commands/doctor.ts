/** `pulse doctor`. */
import type { Command } from 'commander';
import type { Finding } from '../aggregate/redis-durability.ts';
import { PulseError } from '../core/errors.ts';
import { serverOf } from '../platform/logger.ts';
import { waitForRedis } from '../platform/redis.ts';
import {
  EXIT_DONE,
  EXIT_FAILED,
  runAction,
  toJson,
  withExamples,
  type CommandEnvironment,
  type CommandRun,
} from '../cli/command.ts';
import { checkPostgres, checkRabbit, checkRedis } from './doctor-checks.ts';
import { checkDisk, checkState } from './doctor-state.ts';
import { findServers } from '../cli/servers.ts';
import { openAccumulator, openClients, type Clients } from '../cli/clients.ts';

export function addDoctorCommand(
  program: Command,
  environment: CommandEnvironment,
  setExitCode: (code: number) => void,
): void {
  const command = program
    .command('doctor')
    .description(
      'Check the three servers and name what endangers counts. Exits 1 if anything does.',
    )
    .option('--json', 'print the findings as JSON')
    .action(async (flags: { json?: true }) => {
      setExitCode(
        await runAction(environment, { api: false }, async (run) => {
          const findings = await examine(run);
          if (flags.json === true) run.print(toJson({ findings }));
          else for (const finding of findings) run.print(describe(finding));
          return findings.some(({ status }) => status === 'danger') ? EXIT_FAILED : EXIT_DONE;
        }),
      );
    });
  withExamples(command, 'pulse doctor', 'pulse doctor --json');
}

/** How long Redis may take to answer; its client connects in the background. */
const ANSWER_TIMEOUT_MS = 5_000;

/** Asks all three servers; one that is away is a finding, not the end of the examination. */
async function examine(run: CommandRun): Promise<Finding[]> {
  const servers = findServers(run);
  const clients = openClients(run, servers);
  const { redis, pool } = clients;
  const { queue, shards } = run.config;
  const findings = await Promise.all([
    orAway('rabbitmq', servers.rabbitmqUrl, () => checkRabbit(servers.rabbitmqUrl, queue)),
    orAway('redis', servers.redisUrl, async () => {
      const timeoutMs = Math.min(run.config.startTimeoutMs, ANSWER_TIMEOUT_MS);
      const wait = { timeoutMs, logger: run.logger, signal: run.stop };
      await waitForRedis(redis, { ...wait, url: servers.redisUrl });
      return checkRedis(redis);
    }),
    orAway('postgres', servers.databaseUrl, () => checkPostgres(servers.databaseUrl, pool, shards)),
  ]);
  const known = findings.flat();
  const whole = await orAway('state', servers.redisUrl, () => checkWhole(run, clients, known));
  return [...known, ...whole];
}

/** What is asked of several servers at once, as far as they can answer at all. */
async function checkWhole(
  run: CommandRun,
  { servers, redis, pool }: Clients,
  known: readonly Finding[],
): Promise<Finding[]> {
  const isOk = (name: string): boolean =>
    known.some((finding) => finding.name === name && finding.status === 'ok');
  const findings = [
    await checkDisk('redis disk', servers.redisUrl, async () => {
      return isOk('redis version') ? (await redis.config('GET', 'dir'))[1] : undefined;
    }),
    await checkDisk('postgres disk', servers.databaseUrl, async () => {
      const { rows } = await pool.query<{ data_directory: string }>('SHOW data_directory');
      return rows[0]?.data_directory;
    }),
  ];
  if (!isOk('postgres migrations') || !isOk('redis functions') || !isOk('shards')) return findings;
  const accumulator = openAccumulator(run, redis);
  const flushCron = run.config.flush.cron;
  return [...findings, ...(await checkState({ redis, pool, accumulator, flushCron }))];
}

async function orAway(
  name: string,
  url: string,
  check: () => Promise<Finding[]>,
): Promise<Finding[]> {
  try {
    return await check();
  } catch (error) {
    const detail =
      error instanceof PulseError
        ? error.message
        : `${serverOf(url)} gives no answer (${error instanceof Error ? error.message : 'unknown'})`;
    return [{ name, status: 'danger', detail }];
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
