/** `pulse doctor`. */
import type { Command } from 'commander';
import { PulseError } from '../core/errors.ts';
import { serverOf } from '../platform/logger.ts';
import { waitForRedis } from '../platform/redis.ts';
import type { Finding } from '../platform/redis-durability.ts';
import {
  EXIT_DONE,
  EXIT_FAILED,
  runAction,
  toJson,
  withExamples,
  type CommandEnvironment,
  type CommandRun,
} from './command.ts';
import { checkPostgres, checkRabbit, checkRedis } from './doctor-checks.ts';
import { findServers } from './servers.ts';
import { openClients } from './worker-parts.ts';

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
  const { redis, pool } = openClients(run, servers);
  const { queue, shards } = run.config;
  const findings = await Promise.all([
    orAway('rabbitmq', servers.rabbitmqUrl, () => checkRabbit(servers.rabbitmqUrl, queue)),
    orAway('redis', servers.redisUrl, async () => {
      const timeoutMs = Math.min(run.config.startTimeoutMs, ANSWER_TIMEOUT_MS);
      await waitForRedis(redis, { url: servers.redisUrl, timeoutMs, signal: run.stop });
      return checkRedis(redis);
    }),
    orAway('postgres', servers.databaseUrl, () => checkPostgres(servers.databaseUrl, pool, shards)),
  ]);
  return findings.flat();
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
