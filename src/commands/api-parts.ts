/** The HTTP API with what it needs of the rest, wired together. */
import type { Registry } from 'prom-client';
import { createApiMetrics } from '../api/api-metrics.ts';
import { createIdentities } from '../access/identities.ts';
import { startApi, type RunningApi } from '../api/server.ts';
import { ensureAdmin } from '../access/users.ts';
import type { ProcessHealth } from '../platform/health.ts';
import { assertScopeRoles } from '../platform/scoped-postgres.ts';
import type { Tracing } from '../platform/tracing.ts';
import { createPublisher, type Publisher } from '../publish/publisher.ts';
import { createPopulateRuns } from '../populate/populate-runs.ts';
import { addPopulateMetrics, measurePublisher } from '../publish/publish-metrics.ts';
import { tracePublish } from '../publish/traced-publish.ts';
import type { CommandRun } from '../cli/command.ts';
import { serverChecks, toCheck } from '../cli/server-checks.ts';
import type { ApiCredentials } from '../cli/servers.ts';
import { openAccumulator, type Clients } from '../cli/clients.ts';

/** Publications of one API process that may be unconfirmed at a time. */
const PUBLISHER_WINDOW = 1_000;
/** Of the time left for a stop: what comes after, such as ingest, needs some too. */
const CLOSE_SHARE = 0.5;

/**
 * Creates the administrator and starts the API; it is closed with the run.
 *
 * @throws FatalError PULSE_API_LISTEN when the port cannot be taken; PULSE_POSTGRES_ROLES when nothing in
 * Postgres would keep tenants apart.
 */
export async function startApiParts(
  run: CommandRun,
  { servers, redis, pool }: Clients,
  options: {
    credentials: ApiCredentials;
    registry: Registry;
    health: Pick<ProcessHealth, 'add'>;
    tracing: Tracing | undefined;
  },
): Promise<RunningApi> {
  const { config, logger, closer } = run;
  const { credentials, registry, health, tracing } = options;
  const { queue } = config;
  await assertScopeRoles(pool);
  await ensureAdmin(pool, {
    username: config.api.adminUsername,
    password: credentials.adminPassword,
  });
  const { publisher, publish } = startPublishing(run, servers.rabbitmqUrl, options);
  const populateRuns = createPopulateRuns({
    pool,
    rabbitmqUrl: servers.rabbitmqUrl,
    queue,
    logger,
    tracing,
  });
  closer.add('populate runs', () => populateRuns.close(), CLOSE_SHARE);
  addPopulateMetrics(registry, () => populateRuns.totals());
  const readinessChecks = [
    toCheck('rabbitmq', () => publisher.state === 'open'),
    ...serverChecks({ redis, pool }),
  ];
  health.add(readinessChecks);
  const api = await startApi(
    {
      pool,
      identities: createIdentities(pool, logger),
      populateRuns,
      replay: { publish, queue, dedupeWindowSeconds: config.ingest.dedupeWindowSeconds },
      usage: { held: openAccumulator(run, redis), pulseAgeMaxMs: config.ingest.pulseAgeMaxMs },
      sending: {
        publish,
        brokerState: () => publisher.state,
        queue,
        limits: config.ingest,
      },
      logger,
      tracing,
      readinessChecks,
      onRequestDone: createApiMetrics(registry).requestDone,
    },
    {
      host: config.api.host,
      port: config.api.port,
      closeTimeoutMs: config.stopTimeoutMs * CLOSE_SHARE,
      jwtSecret: credentials.jwtSecret,
      jwtSecretPrevious: config.api.jwtSecretPrevious,
      jwtIssuer: config.api.jwtIssuer,
      tokenTtlSeconds: config.api.tokenTtlSeconds,
      trustProxy: [...config.api.trustProxy],
      requestsPerMinute: config.api.requestsPerMinute,
      corsOrigins: config.api.corsOrigins,
      docs: config.api.docs,
    },
  );
  closer.add('api', () => api.close());
  return api;
}

/** The one publisher of the process, measured, and traced if traces are on; it is closed with the run. */
function startPublishing(
  run: CommandRun,
  rabbitmqUrl: string,
  { registry, tracing }: { registry: Registry; tracing: Tracing | undefined },
): { publisher: Publisher; publish: Publisher['publish'] } {
  const publisher = createPublisher({
    url: rabbitmqUrl,
    logger: run.logger,
    name: 'pulse api',
    maxOutstanding: PUBLISHER_WINDOW,
  });
  run.closer.add('publisher', (withinMs) => publisher.close(withinMs), CLOSE_SHARE);
  const measured = measurePublisher(registry, publisher);
  const publish = tracing === undefined ? measured : tracePublish(measured, tracing);
  return { publisher, publish };
}
