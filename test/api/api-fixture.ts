/** An API for tests: the real app, with the dependencies that a test chooses. */
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { pino } from 'pino';
import { createAccess, type AccessOptions } from '../../src/access/access.ts';
import { createApp, type ApiDeps, type ApiOptions } from '../../src/api/app.ts';
import { createApiModules, type ApiModulesDeps } from '../../src/commands/api-parts.ts';
import { REPORTS } from '../../src/commands/reports.ts';
import { TransientError } from '../../src/core/errors.ts';
import { createAddressGuard } from '../../src/delivery/address-guard.ts';
import { createSecretBox } from '../../src/delivery/secret-box.ts';
import { createEventSchemas } from '../../src/events/event-schemas.ts';
import { createLinkSigner } from '../../src/exports/signed-link.ts';
import type { Caller } from '../../src/http/caller.ts';
import { createSchemaCompilers } from '../../src/http/schema-compilers.ts';
import { keyIdOf } from '../../src/access/tokens.ts';
import type { Identities } from '../../src/access/identities.ts';
import { NO_TRACING } from '../../src/platform/tracing.ts';
import type { StoredPopulateRun } from '../../src/populate/populate-runs-query.ts';
import type { PopulateModuleOptions } from '../../src/populate/populate-routes.ts';
import { QUIET_STATUS } from '../status/fake-status.ts';

export const SECRET = 'a secret of at least thirty-two bytes, for tests';

export const OPTIONS = {
  jwtSecret: SECRET,
  jwtIssuer: 'pulse-test',
  tokenTtlSeconds: 600,
  readinessTimeoutMs: 500,
  // Only the build makes it.
  console: false,
  // Shared, because compiling all schemas is most of the time to create an API.
  schemaCompilers: createSchemaCompilers(),
} satisfies TestOptions;

/** The dependencies of the API, and its settings. */
export interface TestDeps
  extends
    Omit<
      ApiModulesDeps,
      | ('populate' | 'orders' | 'subscriptions' | 'events' | 'delivery' | 'workflows' | 'exports')
      | ('status' | 'doctor' | 'pool')
    >,
    Omit<ApiDeps, 'access' | 'modules'> {
  readonly pool: Pool;
  readonly identities: Identities;
  readonly populateRuns: PopulateModuleOptions['populateRuns'];
  readonly orders: Partial<ApiModulesDeps['orders']>;
  readonly subscriptions: Partial<ApiModulesDeps['subscriptions']>;
  readonly delivery: Partial<ApiModulesDeps['delivery']>;
  readonly workflows: Partial<ApiModulesDeps['workflows']>;
  readonly exports: Partial<ApiModulesDeps['exports']>;
  readonly status: Partial<ApiModulesDeps['status']>;
  readonly doctor: ApiModulesDeps['doctor'];
}

export interface TestOptions extends ApiOptions, AccessOptions {
  readonly populateRunsMax?: number;
}

/** A pool whose server is unavailable: nothing listens on port 1. */
export function unreachablePool(): Pool {
  return new Pool({ connectionString: 'postgres://nobody:hidden@127.0.0.1:1/none' });
}

/** Populate runs that only record that they were started. */
export function fakePopulateRuns(): PopulateModuleOptions['populateRuns'] & {
  readonly started: Map<string, StoredPopulateRun>;
} {
  const started = new Map<string, StoredPopulateRun>();
  return {
    started,
    start: ({ requestedBy: _, ...request }) => {
      const startedAt = new Date('2026-01-31T13:00:00Z');
      const run: StoredPopulateRun = {
        id: randomUUID(),
        state: 'running',
        ...request,
        published: 0,
        confirmed: 0,
        error: null,
        startedAt,
        updatedAt: startedAt,
        finishedAt: null,
      };
      started.set(run.id, run);
      return Promise.resolve(run);
    },
    find: (id) => Promise.resolve(started.get(id)),
  };
}

/** Users who only exist in memory; a name that is not given belongs to an administrator. */
export function fakeIdentities(
  users: Readonly<Record<string, Pick<Caller, 'role' | 'tenants'>>> = {},
): Identities {
  return {
    findKey: () => Promise.resolve(undefined),
    noteKeyUsed: () => undefined,
    close: () => Promise.resolve(),
    findUser: (name) => {
      const rights = users[name] ?? { role: 'admin', tenants: 'all' };
      return Promise.resolve({ caller: { kind: 'user', name, ...rights }, tokenVersion: 1 });
    },
  };
}

const NO_BROKER = new TransientError('PULSE_RABBIT_UNREACHABLE', 'There is no broker.');

/** Replays without a broker. */
export const NO_REPLAY: ApiModulesDeps['replay'] = {
  publish: () => Promise.reject(new Error('There is no broker.')),
  queue: 'pulses',
  dedupeWindowSeconds: 3_600,
};

/** An empty Redis. */
export const NO_USAGE: ApiModulesDeps['usage'] = {
  held: {
    shards: 1,
    readBooks: () =>
      Promise.resolve({
        shard: 0,
        epoch: null,
        appended: 0n,
        journalled: 0n,
        journalBytes: 0,
        journalSinceMs: null,
        isLeased: false,
        counted: 0n,
        duplicates: 0n,
        seenIdCount: 0,
        live: null,
        sealed: [],
      }),
    readMatching: () => Promise.resolve(null),
  },
  pulseAgeMaxMs: 35 * 86_400_000,
  windowSeconds: 3_600,
};

/** The default limits of ingest. */
export const LIMITS = {
  bodyBytesMax: 8 * 1024 * 1024,
  pulseAgeMaxMs: 35 * 86_400_000,
  pulseAheadMaxMs: 300_000,
  windowSeconds: 3_600,
};

/** Sending with a broker that is unavailable. */
export const NO_SENDING: ApiModulesDeps['sending'] = {
  publish: () => Promise.reject(new Error('There is no broker.')),
  brokerState: () => 'connecting',
  queue: 'pulses',
  limits: LIMITS,
};

/** Everything that an API needs; what is not given is unreachable, fake or empty. */
export function testDeps(given: Partial<TestDeps> = {}, options: TestOptions = OPTIONS): ApiDeps {
  const pool = given.pool ?? unreachablePool();
  const logger = given.logger ?? pino({ level: 'silent' });
  const { identities = fakeIdentities(), populateRuns = fakePopulateRuns() } = given;
  const { populateRunsMax } = options;
  return {
    access: createAccess({ pool, identities, logger }, options),
    readinessChecks: [],
    tracing: NO_TRACING,
    ...given,
    logger,
    modules: createApiModules({
      pool,
      sending: given.sending ?? NO_SENDING,
      usage: given.usage ?? NO_USAGE,
      replay: given.replay ?? NO_REPLAY,
      orders: {
        cache: { get: () => Promise.resolve(undefined), put: () => undefined },
        tracing: NO_TRACING,
        prefix: '',
        currency: 'USD',
        onStep: () => undefined,
        ...given.orders,
      },
      subscriptions: {
        rpc: { call: () => Promise.reject(NO_BROKER) },
        tracing: NO_TRACING,
        prefix: '',
        ...given.subscriptions,
      },
      events: { schemas: createEventSchemas(), prefix: '' },
      delivery: {
        secretBox: createSecretBox([{ id: 'test', key: randomBytes(32) }]),
        guard: createAddressGuard({ allowPrivate: false, allowedRanges: [] }),
        sender: { send: () => Promise.reject(new Error('Nothing may be sent.')) },
        ...given.delivery,
      },
      workflows: {
        queue: { get: () => Promise.reject(NO_BROKER) },
        tracing: NO_TRACING,
        prefix: '',
        deadExchange: 'pulses.dead',
        logger,
        onStep: () => undefined,
        ...given.workflows,
      },
      exports: {
        reports: REPORTS,
        windowSeconds: 3_600,
        directory: '/nonexistent',
        quotaBytes: 1_000_000_000,
        links: createLinkSigner('test'),
        ...given.exports,
      },
      status: { ...QUIET_STATUS, ...given.status },
      doctor: given.doctor ?? { examine: () => Promise.resolve([]) },
      populate: { populateRuns, ...(populateRunsMax === undefined ? {} : { populateRunsMax }) },
    }),
  };
}

/** The log lines of one app, as objects. */
export type LogLines = Record<string, unknown>[];

export async function createTestApp(
  deps: Partial<TestDeps> = {},
  options: Partial<TestOptions> = {},
) {
  const lines: LogLines = [];
  const logger = pino(
    { level: 'debug' },
    { write: (line: string) => lines.push(JSON.parse(line) as LogLines[number]) },
  );
  const all = { ...OPTIONS, ...options };
  const app = await createApp(testDeps({ logger, ...deps }, all), all);
  return { app, lines };
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token made without the code under test; valid unless the options say otherwise. */
export function forgeToken(
  options: {
    claims?: object;
    header?: object;
    secret?: string;
    /** The secret that the header names. Default: the current one, whichever secret signs. */
    kidOf?: string;
    hash?: string;
  } = {},
): string {
  const nowSec = Math.floor(Date.now() / 1000);
  const secret = options.secret ?? SECRET;
  const header = encode({
    alg: 'HS256',
    typ: 'JWT',
    kid: keyIdOf(options.kidOf ?? SECRET),
    ...options.header,
  });
  const payload = encode({
    sub: 'alice',
    iss: OPTIONS.jwtIssuer,
    aud: 'pulse-api',
    iat: nowSec,
    exp: nowSec + 60,
    jti: randomUUID(),
    ver: 1,
    ...options.claims,
  });
  const input = `${header}.${payload}`;
  const signature = createHmac(options.hash ?? 'sha256', secret)
    .update(input)
    .digest('base64url');
  return `${input}.${signature}`;
}

/** The header that lets a request in. */
export function authorization(token = forgeToken()) {
  return { authorization: `Bearer ${token}` };
}
