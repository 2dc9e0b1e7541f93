/** The HTTP API with what it needs of the rest, wired together. */
import type { Registry } from 'prom-client';
import { createApiMetrics } from '../api/api-metrics.ts';
import { createIdentities } from '../api/identities.ts';
import type { ReadinessCheck } from '../api/routes/health-routes.ts';
import { startApi, type RunningApi } from '../api/server.ts';
import { ensureAdmin } from '../api/users.ts';
import { pingRedis } from '../platform/redis.ts';
import { assertScopeRoles } from '../platform/scoped-postgres.ts';
import { createPublisher, type Publisher } from '../publish/publisher.ts';
import { createPopulateRuns } from '../publish/populate-runs.ts';
import { addPopulateMetrics, measurePublisher } from '../publish/publish-metrics.ts';
import type { CommandRun } from './command.ts';
import type { ApiCredentials } from './servers.ts';
import { openAccumulator, type Clients } from './worker-parts.ts';

/** Publications of one API process that may be unconfirmed at a time. */
const PUBLISHER_WINDOW = 1_000;

/**
 * Creates the administrator and starts the API; it is closed with the run.
 *
 * @throws FatalError PULSE_API_LISTEN when the port cannot be taken; PULSE_POSTGRES_ROLES when nothing in
 * Postgres would keep tenants apart.
 */
export async function startApiParts(
  run: CommandRun,
  { servers, redis, pool }: Clients,
  { credentials, registry }: { credentials: ApiCredentials; registry: Registry },
): Promise<RunningApi> {
  const { config, logger, closer } = run;
  await assertScopeRoles(pool);
  await ensureAdmin(pool, {
    username: config.api.adminUsername,
    password: credentials.adminPassword,
  });
  const publisher = createPublisher({
    url: servers.rabbitmqUrl,
    logger,
    name: 'pulse api',
    maxOutstanding: PUBLISHER_WINDOW,
  });
  closer.add('publisher', () => publisher.close());
  const publish = measurePublisher(registry, publisher);
  const populateRuns = createPopulateRuns({
    pool,
    rabbitmqUrl: servers.rabbitmqUrl,
    queue: config.queue,
    logger,
  });
  closer.add('populate runs', () => populateRuns.close());
  addPopulateMetrics(registry, () => populateRuns.totals());
  const api = await startApi(
    {
      pool,
      identities: createIdentities(pool, logger),
      populateRuns,
      replay: {
        publish,
        queue: config.queue,
        dedupeWindowSeconds: config.ingest.dedupeWindowSeconds,
      },
      usage: { held: openAccumulator(run, redis), pulseAgeMaxMs: config.ingest.pulseAgeMaxMs },
      sending: {
        publish,
        brokerState: () => publisher.state,
        queue: config.queue,
        limits: config.ingest,
      },
      logger,
      readinessChecks: readinessChecks(publisher, { redis, pool }),
      onRequestDone: createApiMetrics(registry).requestDone,
    },
    {
      host: config.api.host,
      port: config.api.port,
      closeTimeoutMs: config.stopTimeoutMs,
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

function readinessChecks(
  publisher: Publisher,
  { redis, pool }: Pick<Clients, 'redis' | 'pool'>,
): ReadinessCheck[] {
  return [
    {
      name: 'rabbitmq',
      check: () =>
        publisher.state === 'open'
          ? Promise.resolve()
          : Promise.reject(new Error(`The publisher is ${publisher.state}.`)),
    },
    {
      name: 'redis',
      check: () => pingRedis(redis),
    },
    {
      name: 'postgres',
      check: async () => {
        await pool.query('SELECT 1');
      },
    },
  ];
}
