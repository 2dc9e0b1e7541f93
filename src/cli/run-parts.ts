/** What `pulse start` and the commands for its parts, such as `pulse worker`, have in common: they run until a signal. */
import { basename, relative } from 'node:path';
import { openClients } from './clients.ts';
import { EXIT_DONE, toJson, type CommandRun } from './command.ts';
import { defineCommand } from './define-command.ts';
import type { Part, PartLinks } from './part.ts';
import { assertPortsUsable } from './port-checks.ts';
import { prepareServers } from './prepare-servers.ts';
import { createRunEnd } from './run-end.ts';
import { openServers, type OpenedServers } from './servers.ts';
import { CONSOLE_PATH, DOCS_PATH } from '../http/api-base.ts';
import { armCrashPoint, createCrashPoint } from '../platform/crash-points.ts';
import { createProcessHealth, logReadiness } from '../platform/health.ts';
import { serverOf } from '../platform/logger.ts';
import { createMetricsRegistry, startMetricsServer } from '../platform/metrics.ts';
import { onAbort } from '../platform/on-abort.ts';
import { NO_TRACING, startTracing, type Tracing } from '../platform/tracing.ts';
import { addWatchMetrics } from '../platform/watch.ts';

/**
 * What `--json` prints in one line once the process is ready. It holds secrets only of private servers, whose
 * secrets Pulse generated: the output may end up in a log.
 */
export interface ReadyLine {
  readonly api?: string | undefined;
  /** The operator console, unless API_CONSOLE switches it off. */
  readonly console?: string | undefined;
  /** The reference page, unless API_DOCS switches it off. */
  readonly docs?: string | undefined;
  readonly metrics: string;
  readonly rabbitmq: string;
  readonly redis: string;
  readonly postgres: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

const READINESS_TIMEOUT_MS = 2_000;

interface StartOptions {
  /** Whether the parts need the secrets of the API. */
  readonly api: boolean;
  /** False if no part sends a command to Redis: the process then starts and runs without it. */
  readonly usesRedis?: boolean | undefined;
  readonly parts: readonly Part[];
}

export const defineStart = (name: string, options: StartOptions) =>
  defineCommand({
    options: { checkConfig: { about: 'check the configuration and exit' } },
    json: 'print one line of JSON with all addresses once ready',
    needs: { api: options.api, testFaults: true },
    examples: [`pulse ${name}`, `pulse ${name} --json`],
    async run(run) {
      if (run.flags.checkConfig) run.print('The configuration is valid.');
      else await runParts(run, { ...options, json: run.json });
      return EXIT_DONE;
    },
  });

async function runParts(
  run: CommandRun,
  { api, parts, usesRedis, json }: StartOptions & { readonly json: boolean },
): Promise<void> {
  await assertPortsUsable(run.config, { hasApi: api });
  // Opened first, so closed last.
  run.closer.add('process', () => {
    run.tell('Stopped.');
  });
  const end = createRunEnd(run.stop);
  const ready = await startParts(run, await openServers(run), {
    parts,
    usesRedis,
    onFatal: end.fail,
  });
  if (json) run.print(toJson(ready));
  else {
    const next = ready.api === undefined ? [] : ['', ...describeNext()];
    const facts = [...describeReady(ready), ...next];
    const lines = ['', 'Pulse is running. Ctrl-C stops it.', '', ...facts, ''];
    for (const line of lines) run.tell(line);
  }
  await end.wait();
  run.tell('Stopping: accepting nothing new, finishing what is in progress …');
}

/** Starts the parts on servers that run; everything is closed with the run. */
export async function startParts(
  run: CommandRun,
  { servers, credentials }: OpenedServers,
  {
    parts,
    usesRedis = true,
    onFatal,
  }: Omit<StartOptions, 'api'> & { readonly onFatal: (error: Error) => void },
): Promise<ReadyLine> {
  const { config, logger } = run;
  const registry = createMetricsRegistry();
  const health = createProcessHealth({
    timeoutMs: READINESS_TIMEOUT_MS,
    ...logReadiness(logger),
  });
  const metrics = await startMetricsServer(registry, { ...config.metrics, health });
  run.closer.add('metrics', () => metrics.close());
  const clients = openClients(run, { servers, usesRedis });
  const settings = await prepareServers(run, clients, {
    checks: parts.flatMap(({ check }) => check ?? []),
    steps: parts.flatMap(({ prepare }) => prepare ?? []),
    usesRedis,
  });
  const { redisUrl, ...others } = servers;
  for (const url of [...Object.values(others), ...(usesRedis ? [redisUrl] : [])]) {
    logger.info({ server: serverOf(url) }, 'server connected and prepared');
  }
  const tracing = await openTracing(run);
  const links: PartLinks = {
    onTraced: () => undefined,
    oldestHeld: () => undefined,
    oldestPulseSeconds: () => undefined,
    books: () => undefined,
    apiUrl: undefined,
  };
  const watches = {};
  addWatchMetrics(registry, watches);
  const crashPoint = armCrashPoint(config.crashAt);
  const onMessageStep = createCrashPoint(crashPoint, ['message']);
  const onExportPoint = createCrashPoint(crashPoint, ['export']);
  const onDeliveryStep = createCrashPoint(crashPoint, ['delivery']);
  const shared = { settings, credentials, registry, health, tracing, watches, links };
  const points = { onMessageStep, onExportPoint, onDeliveryStep };
  const context = { ...shared, ...points, onFatal };
  for (const part of parts) {
    logger.debug({ part: part.name }, 'part starts');
    await part.start?.({ ...run, ...context }, clients);
  }
  health.phase = 'running';
  onAbort(run.stop, () => {
    health.phase = 'closing';
  });
  return describeAddresses(run, { servers, credentials }, { metrics: metrics.url, ...links });
}

async function openTracing({ config, logger, closer }: CommandRun): Promise<Tracing> {
  if (config.tracing === undefined) return NO_TRACING;
  const tracing = await startTracing(config.tracing, logger);
  closer.add('traces', () => tracing.close());
  return tracing;
}

function describeAddresses(
  { config }: CommandRun,
  { servers, credentials }: OpenedServers,
  { metrics, apiUrl }: { metrics: string; apiUrl: string | undefined },
): ReadyLine {
  const isPrivate = config.servers === undefined;
  const shown = isPrivate ? (url: string) => url : serverOf;
  const hasApi = apiUrl !== undefined;
  return {
    api: apiUrl,
    console: hasApi && config.api.console ? `${apiUrl}${CONSOLE_PATH}` : undefined,
    docs: hasApi && config.api.docs ? `${apiUrl}${DOCS_PATH}` : undefined,
    metrics,
    rabbitmq: shown(servers.rabbitmqUrl),
    redis: shown(servers.redisUrl),
    postgres: shown(servers.databaseUrl),
    username: hasApi ? config.api.adminUsername : undefined,
    password: hasApi && isPrivate ? credentials.adminPassword : undefined,
  };
}

/** The same for people. */
export function describeReady(ready: ReadyLine): string[] {
  const { api, console: page, docs, username = '', password = 'ADMIN_PASSWORD' } = ready;
  return [
    ...(page === undefined ? [] : [`  Console   ${page}`]),
    ...(docs === undefined ? [] : [`  Docs      ${docs}`]),
    ...(api === undefined ? [] : [`  API       ${api}/api/v1`]),
    ...(api === undefined ? [] : [`  Login     ${username} / ${password}`]),
    `  Metrics   ${ready.metrics}/metrics`,
    `  RabbitMQ  ${ready.rabbitmq}`,
    `  Redis     ${ready.redis}`,
    `  Postgres  ${ready.postgres}`,
  ];
}

/** What to try first, in another terminal. */
function describeNext(): string[] {
  const [, script = 'dist/main.js'] = process.argv;
  // The servers belong to this folder, and the program may be in another.
  const pulse = basename(script) === 'pulse' ? 'pulse' : `node ${relative(process.cwd(), script)}`;
  return [
    'Try it in another terminal, in this folder:',
    '',
    `  ${pulse} send --tenant acme --sku cpu --unit h --amount 0.25`,
    `  ${pulse} usage --tenant acme`,
  ];
}
