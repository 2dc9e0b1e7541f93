/** The HTTP API as a Fastify instance that does not listen yet, composed of the given modules. */
import { fastifyHelmet } from '@fastify/helmet';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { fastify, LogController, type FastifyBaseLogger } from 'fastify';
import type { Access } from '../access/access.ts';
import { addAnswerBudget } from '../http/answer-budget.ts';
import { addAnswerDeadline } from '../http/answer-deadline.ts';
import { createHttpServer, type ConnectionTimeouts } from '../http/http-server.ts';
import { API_BASE, CONSOLE_PATH, DOCS_PATH } from '../http/api-base.ts';
import type { Api, ApiModule } from '../http/api-module.ts';
import { addBodyBudget, BODY_BUDGET } from '../http/body-budget.ts';
import type { RequestBudgetOptions } from '../http/byte-budget.ts';
import { addCompression } from '../http/compression.ts';
import { addConditionalAnswers } from '../http/conditional.ts';
import { answerClientError, answerNotFound, createErrorHandler } from '../http/error-handler.ts';
import { addHeadAnswers } from '../http/head-answers.ts';
import { addJsonParser } from '../http/json-body.ts';
import { HTTP_PROBLEMS, type ProblemKind } from '../http/problems.ts';
import { addQueryReading } from '../http/validation.ts';
import { createSchemaCompilers, type SchemaCompilers } from '../http/schema-compilers.ts';
import type { ReadinessCheck } from '../platform/health.ts';
import type { Logger } from '../platform/logger.ts';
import type { Tracing } from '../platform/tracing.ts';
import { addConsole } from '../console/console-routes.ts';
import { addCors } from './cors.ts';
import { addDescription } from './description.ts';
import { addHealthRoutes } from './health-routes.ts';
import { markPluginRoutes } from './plugin-routes.ts';
import { addProblemTypesRoutes } from './problem-types-routes.ts';
import { addRateLimit } from '../http/rate-limit.ts';
import { createRefusalLines, type RefusalLines } from '../http/refusal-lines.ts';
import { addRequestHooks, requestIdOf, type RequestDone } from '../http/request-hooks.ts';
import { addStoredBytes } from '../http/stored-bytes.ts';
import { addRouteTable, type RouteEntry } from '../http/route-table.ts';
import { addRequestTracing } from './request-tracing.ts';

export interface ApiDeps {
  readonly access: Access;
  readonly logger: Logger;
  readonly readinessChecks: readonly ReadinessCheck[];
  /** In the order of the reference. */
  readonly modules: readonly ApiModule[];
  readonly tracing: Tracing;
  /** Called once for each answered request. */
  readonly onRequestDone?: (done: RequestDone) => void;
}

export interface ApiOptions {
  /** Proxies whose X-Forwarded-For is trusted, as addresses or CIDR ranges. Default: none. */
  readonly trustProxy?: readonly string[];
  readonly readinessTimeoutMs?: number;
  /** How many requests each caller may send per minute. Default: no limit. */
  readonly requestsPerMinute?: number | undefined;
  /** What the callers of a tenant may have stored in an hour, in bytes. Default: no limit. */
  readonly storedBytesPerHour?: number | undefined;
  /** How much of the requests in progress this process may hold. */
  readonly bodyBudget?: RequestBudgetOptions;
  /** How much of the answers that their callers have not read this process may hold. */
  readonly answerBudget?: RequestBudgetOptions;
  /** Origins of web pages that may call the API. Default: none. */
  readonly corsOrigins?: readonly string[];
  /** Whether to serve the reference page and the API's documents. Default: true. */
  readonly docs?: boolean;
  /** Whether to serve the operator console. Default: true. */
  readonly console?: boolean;
  /** Shared with other instances. Default: its own. */
  readonly schemaCompilers?: SchemaCompilers;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route, in the order of registration. */
    readonly routeTable: readonly RouteEntry[];
    /** Set `closing` to report not ready and refuse requests before and during `close`. */
    readonly lifecycle: { closing: boolean };
  }
}

const BODY_BYTES_MAX = 64 * 1024;
/** A name has 128 characters, each of up to two UTF-16 units; two names with a separator fit. */
const PARAMETER_LENGTH_MAX = 512;
const MIB = 1024 * 1024;
const ANSWER_BUDGET: RequestBudgetOptions = {
  callerBytesMax: 64 * MIB,
  bytesMax: 128 * MIB,
  strangers: { callerBytesMax: 4 * MIB, bytesMax: 16 * MIB },
};
const READINESS_TIMEOUT_MS = 2_000;

/** Longer than the statement timeout of Postgres, because its error says more. */
const ANSWER_WITHIN_MS = 60_000;

const TIMEOUTS: ConnectionTimeouts = {
  requestTimeout: 30_000,
  /** Longer than any answer except an export, which is never idle for that long. */
  connectionTimeout: 120_000,
  /** Proxies keep a connection for a minute; this must be longer. */
  keepAliveTimeout: 65_000,
};

const UNKNOWN_CALLERS = 'more failed requests of unknown callers answered, not logged one by one';

/**
 * Creates the API. Every route names the roles that may call it or is `public`. Every failure becomes a problem
 * document.
 *
 * @throws FatalError PULSE_CONFIG_INVALID a secret is too short.
 * @throws Error Two modules define the same problem, queue or schema, which is a defect.
 */
export async function createApp(deps: ApiDeps, options: ApiOptions): Promise<Api> {
  const lifecycle = { closing: false };
  const compilers = options.schemaCompilers ?? createSchemaCompilers();
  const refusals = createRefusalLines(deps.logger);
  const answeredRefusals = createRefusalLines(deps.logger, UNKNOWN_CALLERS);
  const app = createInstance(deps.logger, { ...compilers, refusals }, options);

  app.decorate('lifecycle', lifecycle);
  app.addHook('onRoute', markPluginRoutes);
  const routeTable = addRouteTable(app);
  app.addHook('preClose', (done) => {
    lifecycle.closing = true;
    done();
  });
  app.addHook('onClose', (_app, done) => {
    refusals.close();
    answeredRefusals.close();
    done();
  });
  app.setErrorHandler(createErrorHandler(refusals));
  app.setNotFoundHandler(answerNotFound(routeTable));
  addRequestTracing(app, deps.tracing);
  const { onRequestDone } = deps;
  addRequestHooks(app, { lifecycle, refusals: answeredRefusals, onRequestDone });
  addAnswerDeadline(app, { answerWithinMs: ANSWER_WITHIN_MS });
  addQueryReading(app);
  await app.register(fastifyHelmet, {
    contentSecurityPolicy: { useDefaults: false, directives: { 'default-src': ["'none'"] } },
  });
  await addCors(app, options.corsOrigins ?? []);
  const modules = [await deps.access.protect(app), ...deps.modules];
  const { requestsPerMinute } = options;
  if (requestsPerMinute !== undefined) await addRateLimit(app, { requestsPerMinute, refusals });
  addBodyBudget(app, options.bodyBudget ?? BODY_BUDGET);
  addStoredBytes(app, { bytesPerHour: options.storedBytesPerHour });
  compilers.validators.addBodySizes(app);
  addConditionalAnswers(app);
  addAnswerBudget(app, options.answerBudget ?? ANSWER_BUDGET);
  addHeadAnswers(app);
  await addCompression(app);
  await addPages(app, modules, options);
  await addRoutes(app, modules, {
    readinessChecks: deps.readinessChecks,
    readinessTimeoutMs: options.readinessTimeoutMs ?? READINESS_TIMEOUT_MS,
    lifecycle,
  });
  return app;
}

/** The pages for people; `/` leads to the first of them. */
async function addPages(
  app: Api,
  modules: readonly ApiModule[],
  { docs = true, console = true }: ApiOptions,
): Promise<void> {
  if (docs) await addDescription(app, modules);
  if (console) await addConsole(app);
  if (!docs && !console) return;
  const first = console ? CONSOLE_PATH : DOCS_PATH;
  app.get('/', { schema: { hide: true }, config: { public: true } }, (_request, reply) =>
    reply.redirect(`${first}/`),
  );
}

function createInstance(
  logger: Logger,
  { validators, buildSerializer, refusals }: SchemaCompilers & { refusals: RefusalLines },
  { trustProxy }: ApiOptions,
): Api {
  const loggerInstance: FastifyBaseLogger = logger;
  const app = fastify({
    loggerInstance,
    // The hooks log one line per request; Fastify's own line would show query strings.
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    genReqId: requestIdOf,
    trustProxy: trustProxy === undefined ? false : [...trustProxy],
    bodyLimit: BODY_BYTES_MAX,
    routerOptions: { maxParamLength: PARAMETER_LENGTH_MAX },
    serverFactory: (handle) =>
      createHttpServer(handle, {
        ...TIMEOUTS,
        proxies: trustProxy,
        onExcess: (what, address) => {
          refusals.warn(logger, { address, tooMany: what }, 'connection closed');
        },
      }),
    schemaController: {
      compilersFactory: { buildValidator: validators.buildValidator, buildSerializer },
    },
    // Fastify's 503 while closing is not a problem document, so the hooks answer instead.
    return503OnClosing: false,
    frameworkErrors: createErrorHandler(refusals),
    clientErrorHandler: answerClientError,
  }).withTypeProvider<TypeBoxTypeProvider>();
  // No route has it. Fastify would answer 400 for want of a content type, before it finds that there is no route.
  app.addHttpMethod('QUERY', { hasBody: false, overrideExisting: true });
  addJsonParser(app);
  // Only JSON is accepted. This parser would report text/plain as malformed JSON.
  app.removeContentTypeParser('text/plain');
  return app;
}

async function addRoutes(
  app: Api,
  modules: readonly ApiModule[],
  health: Parameters<typeof addHealthRoutes>[1],
): Promise<void> {
  const kinds = problemKinds(modules);
  addHealthRoutes(app, health);
  for (const module of modules) {
    if (module.atRoot === true) module.addRoutes(app);
  }
  await app.register(
    (api, _options, done) => {
      // Also here, for proxies that forward only the base path.
      addHealthRoutes(api, health);
      addProblemTypesRoutes(api, kinds);
      for (const module of modules) module.addRoutes(api);
      done();
    },
    { prefix: API_BASE },
  );
}

/** @throws Error Two modules define the same code. */
function problemKinds(modules: readonly ApiModule[]): readonly ProblemKind[] {
  const catalogues = [HTTP_PROBLEMS, ...modules.map(({ problems }) => problems)];
  const kinds = catalogues.flatMap((catalogue) => Object.values(catalogue));
  const codes = kinds.map(({ code }) => code);
  const twice = codes.find((code, index) => codes.indexOf(code) !== index);
  if (twice !== undefined) throw new Error(`Two modules define the problem ${twice}.`);
  return kinds.sort((one, other) => one.status - other.status);
}
