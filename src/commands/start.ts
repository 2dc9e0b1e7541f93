/** `pulse start`, `pulse api`, `pulse worker`: one shape, different parts. */
import { Option, type Command } from 'commander';
import { createProcessHealth } from '../platform/health.ts';
import { serverOf } from '../platform/logger.ts';
import { createMetricsRegistry, startMetricsServer } from '../platform/metrics.ts';
import { startTracing } from '../platform/tracing.ts';
import { startApiParts } from './api-parts.ts';
import {
  EXIT_DONE,
  runAction,
  toJson,
  withExamples,
  type CommandEnvironment,
  type CommandRun,
} from '../cli/command.ts';
import { prepareServers } from '../cli/prepare-servers.ts';
import { createRunEnd } from '../cli/run-end.ts';
import { openServers, type OpenedServers } from '../cli/servers.ts';
import { startWatches } from './watch-parts.ts';
import { openClients } from '../cli/clients.ts';
import { startWorkerParts } from './worker-parts.ts';

/** Which parts a process runs. */
export interface LongRunParts {
  readonly api: boolean;
  readonly worker: boolean;
}

interface LongRunFlags {
  readonly json?: true;
  readonly checkConfig?: true;
  readonly allowTestFaults?: true;
}

/**
 * What `--json` prints in one line once the process is ready. Secrets are in it only where Pulse itself made
 * them up for its private servers: of others, the output may end in a log.
 */
export interface ReadyLine {
  readonly api?: string;
  readonly metrics: string;
  readonly rabbitmq: string;
  readonly redis: string;
  readonly postgres: string;
  readonly username?: string;
  readonly password?: string;
}

const READINESS_TIMEOUT_MS = 2_000;

/** Adds `start`, `api` and `worker`. */
export function addStartCommands(
  program: Command,
  environment: CommandEnvironment,
  setExitCode: (code: number) => void,
): void {
  const add = (name: string, description: string, parts: LongRunParts): void => {
    const command = program
      .command(name)
      .description(description)
      .option('--json', 'print one line of JSON with all addresses once ready')
      .option('--check-config', 'check the configuration and exit')
      .addOption(new Option('--allow-test-faults').hideHelp())
      .action(async (flags: LongRunFlags) => {
        const needs = { api: parts.api, testFaults: flags.allowTestFaults };
        setExitCode(
          await runAction(environment, needs, async (run) => {
            if (flags.checkConfig === true) run.print('The configuration is valid.');
            else await runParts(run, parts, flags.json === true);
            return EXIT_DONE;
          }),
        );
      });
    withExamples(command, `pulse ${name}`, `pulse ${name} --json`);
  };
  add('start', 'Run the whole system until Ctrl-C: API, ingest, flush, quarantine.', {
    api: true,
    worker: true,
  });
  add('api', 'Run the HTTP API alone.', { api: true, worker: false });
  add('worker', 'Run ingest, flush and quarantine without the API.', { api: false, worker: true });
}

async function runParts(run: CommandRun, parts: LongRunParts, json: boolean): Promise<void> {
  // Opened first, so closed last.
  run.closer.add('process', () => {
    run.tell('Stopped.');
  });
  const end = createRunEnd(run.stop);
  const ready = await startParts(run, await openServers(run), { parts, onFatal: end.fail });
  if (json) run.print(toJson(ready));
  else for (const line of describeReady(ready)) run.tell(line);
  await end.wait();
  run.tell('Stopping: taking nothing new, finishing what is in flight …');
}

/** Starts the parts on servers that run; everything is closed with the run. */
export async function startParts(
  run: CommandRun,
  { servers, credentials }: OpenedServers,
  { parts, onFatal }: { parts: LongRunParts; onFatal: (error: Error) => void },
): Promise<ReadyLine> {
  const { config, closer } = run;
  const registry = createMetricsRegistry();
  const health = createProcessHealth({
    timeoutMs: READINESS_TIMEOUT_MS,
    onFailure: (error, name) => {
      run.logger.warn({ err: error, name }, 'readiness check failed');
    },
  });
  const metrics = await startMetricsServer(registry, { ...config.metrics, health });
  closer.add('metrics', () => metrics.close());
  const clients = openClients(run, servers);
  const settings = await prepareServers(run, clients);
  const tracing =
    config.tracing === undefined ? undefined : await startTracing(config.tracing, run.logger);
  if (tracing !== undefined) closer.add('traces', () => tracing.close());
  const shared = { registry, health, tracing };
  const worker = parts.worker
    ? await startWorkerParts(run, clients, { settings, ...shared, onFatal })
    : undefined;
  startWatches(run, clients, { registry, held: () => worker?.ingest.held ?? [] });
  const api = parts.api ? await startApiParts(run, clients, { credentials, ...shared }) : undefined;
  health.phase = 'running';
  run.stop.addEventListener('abort', () => {
    health.phase = 'closing';
  });
  const isPrivate = config.servers === undefined;
  const shown = isPrivate ? (url: string) => url : serverOf;
  return {
    ...(api === undefined ? {} : { api: api.url }),
    metrics: metrics.url,
    rabbitmq: shown(servers.rabbitmqUrl),
    redis: shown(servers.redisUrl),
    postgres: shown(servers.databaseUrl),
    ...(api === undefined ? {} : { username: config.api.adminUsername }),
    ...(api === undefined || !isPrivate ? {} : { password: credentials.adminPassword }),
  };
}

/** The same for people. */
function describeReady(ready: ReadyLine): string[] {
  const lines = ['', 'Pulse is running. Ctrl-C stops it.', ''];
  if (ready.api !== undefined) {
    lines.push(`  API       ${ready.api}/api/v1`);
    lines.push(`  Login     ${ready.username ?? ''} / ${ready.password ?? 'ADMIN_PASSWORD'}`);
  }
  lines.push(
    `  Metrics   ${ready.metrics}/metrics`,
    `  RabbitMQ  ${ready.rabbitmq}`,
    `  Redis     ${ready.redis}`,
    `  Postgres  ${ready.postgres}`,
    '',
  );
  return lines;
}
