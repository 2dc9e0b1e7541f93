/** The HTTP API as a Fastify instance that does not listen. */
import { fastifyHelmet } from '@fastify/helmet';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { fastify, LogController, type FastifyBaseLogger } from 'fastify';
import type { Pool } from 'pg';
import type { ReadinessCheck } from '../platform/health.ts';
import type { Logger } from '../platform/logger.ts';
import type { Tracing } from '../platform/tracing.ts';
import { addAnswerDeadline } from '../http/answer-deadline.ts';
import { API_BASE } from '../http/api-base.ts';
import type { Api } from '../http/api-module.ts';
import { auditChanges } from '../access/audit-changes.ts';
import { createRefusalLog, type RefusalLog } from '../access/audit.ts';
import { addAuth } from '../access/auth.ts';
import { addCompression } from '../http/compression.ts';
import { addConditionalAnswers } from '../http/conditional.ts';
import { addCors } from './cors.ts';
import { createCredentialsCheck } from '../access/credentials.ts';
import { addDescription } from './description.ts';
import {
  answerClientError,
  answerError,
  answerNotFound,
  type RouteEntry,
} from '../http/error-handler.ts';
import type { Identities } from '../access/identities.ts';
import { createLoginLimiter, type LoginLimits } from '../access/login-limiter.ts';
import { markPluginRoutes } from './plugin-routes.ts';
import { addRateLimit } from './rate-limit.ts';
import { addRequestHooks, requestIdOf, type RequestDone } from './request-hooks.ts';
import { addRequestTracing } from './request-tracing.ts';
import { addDeadLettersRoutes, type DeadLetterReplay } from '../quarantine/dead-letters-routes.ts';
import { addHealthRoutes } from './health-routes.ts';
import { addLoginRoute } from '../access/login-route.ts';
import { addPopulateRoutes, type PopulateRuns } from '../populate/populate-routes.ts';
import { addProblemTypesRoutes } from './problem-types-routes.ts';
import { addPulsesRoutes } from '../usage/pulses-routes.ts';
import { addSendRoutes, type SendRoutesOptions } from '../sending/send-routes.ts';
import { addTokens, type TokenOptions, type Tokens } from '../access/tokens.ts';
import { addUsageRoutes, type UsageSources } from '../usage/usage-routes.ts';
import { addQueryReading, AJV_OPTIONS } from '../http/validation.ts';

export interface ApiDeps {
  readonly pool: Pool;
  readonly identities: Identities;
  readonly populateRuns: PopulateRuns;
  readonly replay: DeadLetterReplay;
  readonly usage: UsageSources;
  readonly sending: Omit<SendRoutesOptions, 'pool'>;
  readonly readinessChecks: readonly ReadinessCheck[];
  readonly logger: Logger;
  /** Undefined: no traces. */
  readonly tracing?: Tracing | undefined;
  /** Called once for every answered request. */
  readonly onRequestDone?: (done: RequestDone) => void;
}

export interface ApiOptions extends TokenOptions {
  /** Proxies whose X-Forwarded-For is believed, as addresses or CIDR ranges. Default: none. */
  readonly trustProxy?: string[];
  readonly loginLimits?: LoginLimits;
  readonly populateRunsMax?: number;
  readonly readinessTimeoutMs?: number;
  /** What each caller may send. Default: any number. */
  readonly requestsPerMinute?: number | undefined;
  /** Origins whose web pages may call the API. Default: none. */
  readonly corsOrigins?: readonly string[];
  /** Whether the API describes itself: the reference page and the documents. Default: it does. */
  readonly docs?: boolean;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route, in the order of registration. */
    readonly routeTable: readonly RouteEntry[];
    /** Set `closing` to be not ready and to refuse requests before, and while, `close` waits. */
    readonly lifecycle: { closing: boolean };
  }
}

const BODY_BYTES_MAX = 64 * 1024;
const LOGIN_LIMITS: LoginLimits = { perAccount: 10, perAddress: 60, windowMs: 60_000 };
const POPULATE_RUNS_MAX = 2;
const READINESS_TIMEOUT_MS = 2_000;

/** How long an answer may take. Longer than Postgres' statement timeout, whose error says more. */
const ANSWER_WITHIN_MS = 60_000;

/** How long each part of a connection may take, in milliseconds. Fastify's defaults are "for ever". */
const TIMEOUTS = {
  /** For the whole request to arrive. */
  requestTimeout: 30_000,
  /** For a socket on which nothing moves. Longer than any answer but an export, which moves. */
  connectionTimeout: 120_000,
  /** Between requests. Longer than the minute for which proxies keep a connection. */
  keepAliveTimeout: 65_000,
} as const;

/**
 * Creates the API. Every route says who may call it or that it is `public`, every failure is
 * answered as a problem document, and nothing is read from anywhere but the arguments.
 *
 * @throws FatalError PULSE_CONFIG_INVALID a secret is too short.
 */
export async function createApp(deps: ApiDeps, options: ApiOptions): Promise<Api> {
  const lifecycle = { closing: false };
  const routeTable: RouteEntry[] = [];
  const app = createInstance(deps.logger, options);

  app.decorate('routeTable', routeTable);
  app.decorate('lifecycle', lifecycle);
  app.addHook('onRoute', markPluginRoutes);
  app.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) {
      const { url, schema } = route;
      routeTable.push({
        method,
        url,
        schema,
        // Read late: a plugin's routes get theirs from a hook that runs after this one.
        get config() {
          return route.config ?? {};
        },
      });
    }
  });
  app.addHook('onReady', (done) => {
    const open = routeTable.find(({ config }) => config.public !== true && !config.roles?.length);
    if (open !== undefined) {
      throw new Error(`${open.method} ${open.url} says neither \`public\` nor whose \`roles\`.`);
    }
    done();
  });
  app.addHook('preClose', (done) => {
    lifecycle.closing = true;
    done();
  });
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(answerNotFound(routeTable));
  if (deps.tracing !== undefined) addRequestTracing(app, deps.tracing);
  addRequestHooks(app, { lifecycle, onRequestDone: deps.onRequestDone });
  addAnswerDeadline(app, { answerWithinMs: ANSWER_WITHIN_MS });
  addQueryReading(app);
  await app.register(fastifyHelmet, {
    contentSecurityPolicy: { useDefaults: false, directives: { 'default-src': ["'none'"] } },
  });
  await addCors(app, options.corsOrigins ?? []);
  const refusals = createRefusalLog(deps.pool, deps.logger);
  app.addHook('onClose', async () => {
    await Promise.all([refusals.close(), deps.identities.close()]);
  });
  const tokens = await addTokens(app, options);
  addAuth(app, { identities: deps.identities, tokens, refusals });
  auditChanges(app, deps.pool);
  const { requestsPerMinute } = options;
  if (requestsPerMinute !== undefined) await addRateLimit(app, { requestsPerMinute });
  addConditionalAnswers(app);
  await addCompression(app);
  if (options.docs !== false) await addDescription(app, deps.replay);
  await addRoutes(app, { deps, options, lifecycle, tokens, refusals });
  return app;
}

function createInstance(logger: Logger, { trustProxy }: ApiOptions): Api {
  const loggerInstance: FastifyBaseLogger = logger;
  const app = fastify({
    loggerInstance,
    // One line per answered request comes from the hooks; Fastify's own would show query strings.
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    genReqId: requestIdOf,
    trustProxy: trustProxy ?? false,
    bodyLimit: BODY_BYTES_MAX,
    ...TIMEOUTS,
    ajv: { customOptions: AJV_OPTIONS },
    // Fastify's own 503 while closing is no problem document; the hooks answer instead.
    return503OnClosing: false,
    frameworkErrors: answerError,
    clientErrorHandler: answerClientError,
  }).withTypeProvider<TypeBoxTypeProvider>();
  // JSON is the only body: without this a text/plain one would be taken for a wrong JSON one.
  app.removeContentTypeParser('text/plain');
  return app;
}

interface RouteContext {
  readonly deps: ApiDeps;
  readonly options: ApiOptions;
  readonly lifecycle: { readonly closing: boolean };
  readonly tokens: Tokens;
  readonly refusals: RefusalLog;
}

async function addRoutes(app: Api, context: RouteContext): Promise<void> {
  const { deps, options, lifecycle, tokens, refusals } = context;
  const { pool } = deps;
  const login = {
    ...{ pool, tokens, refusals },
    checkCredentials: await createCredentialsCheck(pool),
    limiter: createLoginLimiter(pool, options.jwtSecret, options.loginLimits ?? LOGIN_LIMITS),
  };
  const health = {
    readinessChecks: deps.readinessChecks,
    readinessTimeoutMs: options.readinessTimeoutMs ?? READINESS_TIMEOUT_MS,
    lifecycle,
  };
  addHealthRoutes(app, health);
  await app.register(
    (api, _options, done) => {
      // A proxy that forwards only the base can probe as well.
      addHealthRoutes(api, health);
      addProblemTypesRoutes(api);
      addLoginRoute(api, login);
      addPulsesRoutes(api, deps);
      addUsageRoutes(api, deps);
      addSendRoutes(api, { pool, ...deps.sending });
      addPopulateRoutes(api, {
        populateRuns: deps.populateRuns,
        populateRunsMax: options.populateRunsMax ?? POPULATE_RUNS_MAX,
      });
      addDeadLettersRoutes(api, deps);
      done();
    },
    { prefix: API_BASE },
  );
}
