/** Starts the HTTP API with its modules. */
import { createAccess } from '../access/access.ts';
import { createIdentities } from '../access/identities.ts';
import { ensureAdmin } from '../access/users.ts';
import { createApiMetrics } from '../api/api-metrics.ts';
import { startApi } from '../api/server.ts';
import { createCatalogModule } from '../catalog/catalog-routes.ts';
import { sourceFrom } from '../cli/access-options.ts';
import type { Clients } from '../cli/clients.ts';
import type { Part, PartRun } from '../cli/part.ts';
import { serverChecks, toCheck } from '../cli/server-checks.ts';
import { createDeliveryModule, type DeliveryModuleDeps } from '../delivery/delivery-routes.ts';
import { createDoctorModule, type DoctorModuleDeps } from '../doctor/doctor-routes.ts';
import { createEventSchemas } from '../events/event-schemas.ts';
import { createEventsModule, type EventsModuleDeps } from '../events/events-routes.ts';
import { createExportsModule, type ExportsModuleDeps } from '../exports/exports-routes.ts';
import { createLinkSigner } from '../exports/signed-link.ts';
import type { ApiModule } from '../http/api-module.ts';
import { createMessageGetter, type MessageGetter } from '../messaging/message-getter.ts';
import { measureRpc } from '../messaging/messaging-metrics.ts';
import { createRpcClient, type RpcClient } from '../messaging/rpc-client.ts';
import { assertRights } from '../platform/postgres-rights.ts';
import type { ScopedPool } from '../platform/scoped-postgres.ts';
import { topologyNames } from '../platform/topology.ts';
import { addPopulateMetrics } from '../populate/populate-metrics.ts';
import { createOrdersCache } from '../orders/orders-cache.ts';
import { createOrdersModule, type OrdersModuleDeps } from '../orders/orders-routes.ts';
import { createPopulateModule, type PopulateModuleOptions } from '../populate/populate-routes.ts';
import { createPopulateRuns } from '../populate/populate-runs.ts';
import { measurePublisher } from '../publish/publish-metrics.ts';
import { createPublisher, type Publisher } from '../publish/publisher.ts';
import { tracePublish } from '../publish/traced-publish.ts';
import { createQuarantineModule, type DeadLetterReplay } from '../quarantine/quarantine-routes.ts';
import { createSendingModule, type SendingModuleOptions } from '../sending/send-routes.ts';
import { createStatusModule, type StatusModuleDeps } from '../status/status-routes.ts';
import {
  createSubscriptionsModule,
  type SubscriptionsModuleDeps,
} from '../subscriptions/subscriptions-routes.ts';
import { createPulsesModule } from '../usage/pulses-routes.ts';
import { createUsageModule, type UsageSources } from '../usage/usage-routes.ts';
import { workflowQueues } from '../workflows/workflows-queues.ts';
import { createWorkflowsModule, type WorkflowsModuleDeps } from '../workflows/workflows-routes.ts';
import { REPORTS } from './reports.ts';
import { createExamination, startStatus } from './status-reads.ts';
import { openWebhooks } from './webhooks.ts';

/** Unconfirmed publications of one API process. */
const PUBLISHER_WINDOW = 1_000;
/** A request that RabbitMQ has not taken by then is dropped: its caller has been told so. */
const RPC_WAIT_MS = 5_000;
/** The share of the stop timeout that the API may use; parts that close later, such as ingest, need the rest. */
const CLOSE_SHARE = 0.5;

export interface ApiModulesDeps {
  /** Not a Pool: whatever a request does takes its caller's turn. Populate runs, of operators alone, do not. */
  readonly pool: ScopedPool;
  readonly sending: Omit<SendingModuleOptions, 'pool'>;
  readonly usage: UsageSources;
  readonly replay: DeadLetterReplay;
  readonly populate: PopulateModuleOptions;
  readonly orders: Omit<OrdersModuleDeps, 'pool'>;
  readonly subscriptions: Omit<SubscriptionsModuleDeps, 'pool'>;
  readonly events: Omit<EventsModuleDeps, 'pool'>;
  readonly delivery: Omit<DeliveryModuleDeps, 'pool'>;
  readonly workflows: Omit<WorkflowsModuleDeps, 'pool'>;
  readonly exports: Omit<ExportsModuleDeps, 'pool'>;
  readonly status: Omit<StatusModuleDeps, 'pool'>;
  readonly doctor: DoctorModuleDeps;
}

/** Every domain of the API, in the order of the reference page. */
export function createApiModules(deps: ApiModulesDeps): readonly ApiModule[] {
  const { pool, sending, usage, replay, populate, orders, subscriptions, events, delivery } = deps;
  return [
    createSendingModule({ pool, ...sending }),
    createUsageModule({ pool, usage }),
    createPulsesModule(pool),
    createQuarantineModule({ pool, replay }),
    createCatalogModule(pool),
    createOrdersModule({ pool, ...orders }),
    createSubscriptionsModule({ pool, ...subscriptions }),
    createEventsModule({ pool, ...events }),
    createDeliveryModule({ pool, ...delivery }),
    createWorkflowsModule({ pool, ...deps.workflows }),
    createExportsModule({ pool, ...deps.exports }),
    createPopulateModule(populate),
    createStatusModule({ pool, ...deps.status }),
    createDoctorModule(deps.doctor),
  ];
}

/**
 * Creates the administrator and starts the API; the run closes it.
 *
 * @throws FatalError PULSE_API_LISTEN the port cannot be used; PULSE_POSTGRES_ROLES Postgres would not keep tenants
 * apart.
 */
export const apiPart: Part = {
  name: 'api',
  async start(run, clients) {
    const { logger, closer, config, credentials, registry, tracing } = run;
    const { pool, accumulator } = clients;
    const { jwtSecretPrevious, jwtIssuer, tokenTtlSeconds, secretToken } = config.api;
    await assertRights(pool, { migrating: false });
    await ensureConfiguredAdmin(run, pool);
    const publishing = startPublishing(run, clients);
    const { publisher, publish } = publishing;
    const readinessChecks = [
      toCheck('rabbitmq', () => publisher.state === 'open'),
      ...serverChecks(clients),
    ];
    run.health.add(readinessChecks);
    const access = createAccess(
      { pool, identities: createIdentities(pool, logger), logger },
      {
        jwtSecret: credentials.jwtSecret,
        jwtSecretPrevious,
        jwtIssuer,
        tokenTtlSeconds,
        secretToken,
      },
    );
    const { queue, ingest } = config;
    const modules = createApiModules({
      pool,
      sending: sendingOptions(run, publishing),
      usage: {
        held: accumulator,
        pulseAgeMaxMs: ingest.pulseAgeMaxMs,
        windowSeconds: ingest.windowSeconds,
      },
      replay: { publish, queue, dedupeWindowSeconds: ingest.dedupeWindowSeconds },
      populate: { populateRuns: startPopulateRuns(run, clients) },
      orders: {
        cache: createOrdersCache(clients.redis, logger),
        tracing,
        prefix: config.messages.prefix,
        currency: config.orders.currency,
        onStep: run.onMessageStep,
      },
      subscriptions: { rpc: startRpc(run, clients), tracing, prefix: config.messages.prefix },
      events: { schemas: createEventSchemas(), prefix: config.messages.prefix },
      delivery: openWebhooks(run),
      workflows: {
        queue: startWorkflowsQueue(run, clients),
        tracing,
        prefix: config.messages.prefix,
        deadExchange: topologyNames(queue).deadExchange,
        logger,
        onStep: run.onMessageStep,
      },
      exports: {
        ...config.exports,
        reports: REPORTS,
        windowSeconds: ingest.windowSeconds,
        links: createLinkSigner(credentials.jwtSecret),
      },
      status: { reader: startStatus(run, clients) },
      doctor: { examine: createExamination(run, clients) },
    });
    const { requestDone: onRequestDone } = createApiMetrics(registry);
    const api = await startApi(
      { access, logger, readinessChecks, modules, tracing, onRequestDone },
      { ...config.api, closeTimeoutMs: config.stopTimeoutMs * CLOSE_SHARE },
    );
    closer.add('api', () => api.close());
    run.links.apiUrl = api.url;
  },
};

function ensureConfiguredAdmin(
  { config, credentials }: PartRun,
  pool: Clients['pool'],
): Promise<unknown> {
  const admin = { username: config.api.adminUsername, password: credentials.adminPassword };
  return ensureAdmin(pool, admin, sourceFrom({ as: undefined }));
}

/** The populate runs of this process; the run cancels them. */
function startPopulateRuns(run: PartRun, { pool, servers }: Clients) {
  const { config, logger, closer, registry, tracing } = run;
  const { rabbitmqUrl } = servers;
  const { queue } = config;
  const populateRuns = createPopulateRuns({ pool, rabbitmqUrl, queue, logger, tracing });
  closer.add('populate runs', () => populateRuns.close(), CLOSE_SHARE);
  addPopulateMetrics(registry, () => populateRuns.totals());
  return populateRuns;
}

/** What asks other processes and waits for their answers; the run closes it. */
function startRpc({ logger, closer, registry }: PartRun, { servers }: Clients): RpcClient {
  const rpc = createRpcClient({
    url: servers.rabbitmqUrl,
    logger,
    name: 'pulse api requests',
    waitTimeoutMs: RPC_WAIT_MS,
  });
  closer.add('requests', (withinMs) => rpc.close(withinMs), CLOSE_SHARE);
  return measureRpc(registry, rpc);
}

/** The queue that workflows are consumed from; the run closes it. */
function startWorkflowsQueue(
  { config, logger, closer }: PartRun,
  { servers }: Clients,
): MessageGetter {
  const getter = createMessageGetter({
    url: servers.rabbitmqUrl,
    binding: workflowQueues(config.messages.prefix).inserted,
    deadExchange: topologyNames(config.queue).deadExchange,
    logger,
    name: 'pulse api workflows',
  });
  closer.add('workflows queue', () => getter.close());
  return getter;
}

interface Publishing {
  readonly publisher: Publisher;
  readonly publish: Publisher['publish'];
}

function sendingOptions({ config }: PartRun, { publisher, publish }: Publishing) {
  const { queue, ingest: limits } = config;
  const { newSumsPerHour } = config.api;
  return { publish, brokerState: () => publisher.state, queue, limits, newSumsPerHour };
}

/** The API's publisher, with metrics and traces; the run closes it. */
function startPublishing(
  { logger, closer, registry, tracing }: PartRun,
  { servers }: Clients,
): Publishing {
  const publisher = createPublisher({
    url: servers.rabbitmqUrl,
    logger,
    name: 'pulse api',
    maxOutstanding: PUBLISHER_WINDOW,
  });
  closer.add('publisher', (withinMs) => publisher.close(withinMs), CLOSE_SHARE);
  const measured = measurePublisher(registry, publisher);
  return { publisher, publish: tracing.enabled ? tracePublish(measured, tracing) : measured };
}
