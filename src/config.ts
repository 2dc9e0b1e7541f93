/** Turns the environment into a frozen configuration. Nothing else in Pulse reads environment variables. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { bool, customCleanEnv, str, type CleanedEnv } from 'envalid';
import { chainOf, chainVariables } from './config-chain.ts';
import {
  addressRanges,
  crashPoint,
  cron,
  host,
  integer,
  oneOf,
  origins,
  queueName,
  ratio,
  redisUrl,
  secret,
  url,
  username,
} from './config-values.ts';
import { ADMISSION_MODES } from './contract/admission.ts';
import { AGE_MAX_DAYS_DEFAULT, AHEAD_MAX_MINUTES_DEFAULT } from './contract/rules.ts';
import { RejectedError } from './core/errors.ts';
import { WINDOW_MINUTES } from './core/window.ts';
import { LOG_LEVELS } from './platform/logger.ts';
import { secretsInUrl } from './platform/redaction.ts';
import { TRACES_EXPORTERS, TRACES_SAMPLERS, tracingOf } from './platform/tracing-options.ts';

export type RawEnv = Readonly<Record<string, string | undefined>>;
export type Config = ReturnType<typeof parseConfig>;

/** What the chosen command needs. */
export interface ConfigNeeds {
  /** The command serves the HTTP API, so it needs a signing secret and an administrator. */
  readonly api: boolean;
  /** The command line allows PULSE_CRASH_AT, which crashes the process on purpose. */
  readonly testFaults?: boolean | undefined;
}

/** Variables that may hold secrets. Each can instead be set as `NAME_FILE`, the path of a file. */
const SECRET_NAMES = [
  'RABBITMQ_URL',
  'REDIS_URL',
  'DATABASE_URL',
  'JWT_SECRET',
  'JWT_SECRET_PREVIOUS',
  'ADMIN_PASSWORD',
  'SECRET_TOKEN',
  'WEBHOOK_SECRET_KEYS',
] as const;

const QUEUE_DEFAULT = 'pulses';
const MIB = 1024 * 1024;
const DAY = 86_400;

/**
 * Parses the environment.
 *
 * @throws RejectedError PULSE_CONFIG_INVALID, listing every mistake with its variable.
 */
export function parseConfig(rawEnv: RawEnv, needs: ConfigNeeds = { api: false }) {
  const mistakes: string[] = [];
  const given = readSecretFiles(rawEnv, mistakes);
  const env = customCleanEnv(given, variables(), (clean) => clean, {
    reporter: ({ errors }) => {
      for (const [name, error] of Object.entries(errors)) {
        mistakes.push(`${name}: ${error.message}`);
      }
    },
  });
  mistakes.push(...crossFieldMistakes(env, given, needs));
  if (mistakes.length > 0) {
    throw new RejectedError(
      'PULSE_CONFIG_INVALID',
      `The configuration has ${mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`}:\n` +
        mistakes.map((mistake) => `  ${mistake}`).join('\n'),
    );
  }
  return deepFreeze({
    servers: serversOf(env),
    queue: env.PULSE_QUEUE,
    shards: env.SHARDS,
    redisReplicasMin: env.REDIS_REPLICAS_MIN,
    journalBytesMax: env.JOURNAL_BYTES_MAX,
    allowUnsafeRedis: env.ALLOW_UNSAFE_REDIS,
    startTimeoutMs: env.START_TIMEOUT_SECONDS * 1000,
    stopTimeoutMs: env.STOP_TIMEOUT_SECONDS * 1000,
    ingest: {
      threads: env.INGEST_THREADS,
      prefetch: env.PREFETCH ?? 2 * env.BATCH_SIZE,
      batchSize: env.BATCH_SIZE,
      batchLingerMs: env.BATCH_LINGER_MS,
      deliveryFilter: env.DELIVERY_FILTER,
      dedupeWindowSeconds: env.DEDUPE_WINDOW_SECONDS,
      bodyBytesMax: env.BODY_BYTES_MAX,
      pulseAgeMaxMs: env.PULSE_AGE_MAX_SECONDS * 1000,
      pulseAheadMaxMs: env.PULSE_AHEAD_MAX_SECONDS * 1000,
      windowSeconds: env.WINDOW_MINUTES * 60,
      admission: env.ADMISSION,
    },
    flush: { cron: env.FLUSH_CRON, onExit: env.FLUSH_ON_EXIT },
    ...chainOf(env, defaultPrefix(env.PULSE_QUEUE)),
    api: {
      host: env.API_HOST,
      port: env.API_PORT,
      jwtSecret: env.JWT_SECRET,
      jwtSecretPrevious: env.JWT_SECRET_PREVIOUS,
      jwtIssuer: env.JWT_ISSUER,
      tokenTtlSeconds: env.TOKEN_TTL_SECONDS,
      adminUsername: env.ADMIN_USERNAME,
      adminPassword: env.ADMIN_PASSWORD,
      secretToken: env.SECRET_TOKEN,
      trustProxy: env.TRUST_PROXY,
      requestsPerMinute: env.RATE_LIMIT_PER_MINUTE === 0 ? undefined : env.RATE_LIMIT_PER_MINUTE,
      newSumsPerHour: env.NEW_SUMS_PER_HOUR === 0 ? undefined : env.NEW_SUMS_PER_HOUR,
      storedBytesPerHour: env.STORED_MIB_PER_HOUR === 0 ? undefined : env.STORED_MIB_PER_HOUR * MIB,
      corsOrigins: env.CORS_ORIGINS,
      docs: env.API_DOCS,
      console: env.API_CONSOLE,
    },
    /** Refusals are deleted from the audit log when they are so old. */
    audit: { refusalsDays: env.AUDIT_REFUSALS_DAYS },
    metrics: { host: env.METRICS_HOST, port: env.METRICS_PORT },
    logLevel: env.LOG_LEVEL,
    /** Undefined: tracing is off. */
    tracing: tracingOf(env),
    /** Values that must never be logged. */
    secrets: secretsOf(given),
    crashAt: env.PULSE_CRASH_AT,
  });
}

function variables() {
  const threadCount = Math.max(2, Math.floor(availableParallelism() / 2));
  return {
    RABBITMQ_URL: url('amqp:', 'amqps:')({ default: undefined }),
    REDIS_URL: redisUrl({ default: undefined }),
    DATABASE_URL: url('postgres:', 'postgresql:')({ default: undefined }),
    PULSE_QUEUE: queueName({ default: QUEUE_DEFAULT }),
    ALLOW_UNSAFE_REDIS: bool({ default: false }),
    SHARDS: integer(1, 1024)({ default: 1 }),
    REDIS_REPLICAS_MIN: integer(0, 5)({ default: 0 }),
    JOURNAL_BYTES_MAX: integer(1_048_576, 17_179_869_184)({ default: 268_435_456 }),
    WINDOW_MINUTES: oneOf(WINDOW_MINUTES)({ default: 60 }),
    INGEST_THREADS: integer(1, 64)({ default: threadCount }),
    PREFETCH: integer(2, 65_535)({ default: undefined }),
    BATCH_SIZE: integer(1, 10_000)({ default: 2_000 }),
    BATCH_LINGER_MS: integer(0, 10_000)({ default: 20 }),
    DELIVERY_FILTER: bool({ default: true }),
    DEDUPE_WINDOW_SECONDS: integer(60, 90 * DAY)({ default: DAY }),
    BODY_BYTES_MAX: integer(1024, 128 * MIB)({ default: 8 * MIB }),
    PULSE_AGE_MAX_SECONDS: integer(3_600, 3_660 * DAY)({ default: AGE_MAX_DAYS_DEFAULT * DAY }),
    PULSE_AHEAD_MAX_SECONDS: integer(0, DAY)({ default: AHEAD_MAX_MINUTES_DEFAULT * 60 }),
    FLUSH_CRON: cron({ default: '0 * * * *' }),
    FLUSH_ON_EXIT: bool({ default: false }),
    ADMISSION: str({ choices: ADMISSION_MODES, default: 'off' as const }),
    ...chainVariables(),
    API_HOST: host({ default: '127.0.0.1' }),
    API_PORT: integer(0, 65_535)({ default: 3_000 }),
    METRICS_HOST: host({ default: '127.0.0.1' }),
    METRICS_PORT: integer(0, 65_535)({ default: 9_464 }),
    JWT_SECRET: secret(32)({ default: undefined }),
    JWT_SECRET_PREVIOUS: secret(32)({ default: undefined }),
    JWT_ISSUER: str({ default: 'pulse' }),
    AUDIT_REFUSALS_DAYS: integer(1, 3_650)({ default: 90 }),
    TOKEN_TTL_SECONDS: integer(60, DAY)({ default: 3_600 }),
    ADMIN_USERNAME: username({ default: 'admin' }),
    ADMIN_PASSWORD: secret(8)({ default: undefined }),
    SECRET_TOKEN: secret(32)({ default: undefined }),
    TRUST_PROXY: addressRanges({ default: [] }),
    RATE_LIMIT_PER_MINUTE: integer(0, 10_000_000)({ default: 6_000 }),
    NEW_SUMS_PER_HOUR: integer(0, 250_000)({ default: 100_000 }),
    STORED_MIB_PER_HOUR: integer(0, 1_048_576)({ default: 1_024 }),
    CORS_ORIGINS: origins({ default: [] }),
    API_DOCS: bool({ default: true }),
    API_CONSOLE: bool({ default: true }),
    START_TIMEOUT_SECONDS: integer(1, 3_600)({ default: 30 }),
    STOP_TIMEOUT_SECONDS: integer(1, 3_600)({ default: 20 }),
    LOG_LEVEL: str({ choices: LOG_LEVELS, default: 'info' as const }),
    ...tracingVariables(),
    PULSE_CRASH_AT: crashPoint({ default: undefined }),
  };
}

/** An installation with a queue of its own name must not share the queues of orders either. */
function defaultPrefix(queue: string): string {
  return queue === QUEUE_DEFAULT ? '' : `${queue}.`;
}

/** OpenTelemetry's own variables that Pulse supports. */
function tracingVariables() {
  return {
    OTEL_SDK_DISABLED: bool({ default: false }),
    OTEL_TRACES_EXPORTER: str({ choices: TRACES_EXPORTERS, default: undefined }),
    OTEL_EXPORTER_OTLP_ENDPOINT: url('http:', 'https:')({ default: undefined }),
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url('http:', 'https:')({ default: undefined }),
    OTEL_TRACES_SAMPLER: str({
      choices: TRACES_SAMPLERS,
      default: 'parentbased_always_on' as const,
    }),
    OTEL_TRACES_SAMPLER_ARG: ratio({ default: 1 }),
  };
}

type Env = CleanedEnv<ReturnType<typeof variables>>;

function serversOf(env: Env) {
  const { RABBITMQ_URL, REDIS_URL, DATABASE_URL } = env;
  if (RABBITMQ_URL === undefined || REDIS_URL === undefined || DATABASE_URL === undefined) {
    return undefined;
  }
  return { rabbitmqUrl: RABBITMQ_URL, redisUrl: REDIS_URL, databaseUrl: DATABASE_URL };
}

/** The values to keep out of logs, including those of variables that only libraries read. */
function secretsOf(given: RawEnv): string[] {
  const urls = [
    given.RABBITMQ_URL,
    given.REDIS_URL,
    given.DATABASE_URL,
    given.ENRICHMENT_URL,
    given.OTEL_EXPORTER_OTLP_ENDPOINT,
    given.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
  ];
  const headers = [given.OTEL_EXPORTER_OTLP_HEADERS, given.OTEL_EXPORTER_OTLP_TRACES_HEADERS]
    .flatMap((text) => text?.split(',') ?? [])
    .map((pair) => pair.slice(pair.indexOf('=') + 1).trim());
  const others = [
    given.JWT_SECRET,
    given.JWT_SECRET_PREVIOUS,
    given.ADMIN_PASSWORD,
    given.SECRET_TOKEN,
  ].filter((one) => one !== undefined);
  const keys = (given.WEBHOOK_SECRET_KEYS?.split(',') ?? []).map((pair) =>
    pair.slice(pair.indexOf(':') + 1),
  );
  return [...urls.flatMap(secretsInUrl), ...headers, ...others, ...keys];
}

export type ServerUrls = NonNullable<ReturnType<typeof serversOf>>;

/** Checks rules between variables. An invalid variable is undefined here, whatever its type says. */
function crossFieldMistakes(env: Partial<Env>, given: RawEnv, needs: ConfigNeeds): string[] {
  const mistakes: string[] = [];
  const { PREFETCH, BATCH_SIZE } = env;
  if (PREFETCH !== undefined && BATCH_SIZE !== undefined && PREFETCH < 2 * BATCH_SIZE) {
    mistakes.push(
      `PREFETCH: ${PREFETCH} is less than twice BATCH_SIZE (${BATCH_SIZE}), so two batches cannot overlap.`,
    );
  }
  const urls = [given.RABBITMQ_URL, given.REDIS_URL, given.DATABASE_URL];
  const urlCount = urls.filter((one) => one !== undefined).length;
  if (urlCount > 0 && urlCount < urls.length) {
    mistakes.push(
      'RABBITMQ_URL, REDIS_URL, DATABASE_URL: set all three to use your own servers, or none to use private servers.',
    );
  }
  if (given.PULSE_CRASH_AT !== undefined && needs.testFaults !== true) {
    // Ignoring it would let a fault test pass without testing anything; obeying it would crash a real process.
    mistakes.push('PULSE_CRASH_AT: is only for fault tests and needs --allow-test-faults.');
  }
  if (needs.api && urlCount > 0) {
    if (given.JWT_SECRET === undefined) {
      mistakes.push('JWT_SECRET: is needed to sign tokens; `openssl rand -hex 32` generates one.');
    }
    if (given.ADMIN_PASSWORD === undefined) {
      mistakes.push('ADMIN_PASSWORD: is needed to create the administrator.');
    }
  }
  return mistakes;
}

function readSecretFiles(rawEnv: RawEnv, mistakes: string[]): Record<string, string | undefined> {
  // An empty value means "not set", because compose files pass unset variables as empty ones.
  const env = Object.fromEntries(Object.entries(rawEnv).filter(([, value]) => value !== ''));
  for (const name of SECRET_NAMES) {
    const path = env[`${name}_FILE`];
    if (path === undefined || env[name] !== undefined) continue;
    try {
      env[name] = readFileSync(path, 'utf8').trim();
    } catch (error) {
      mistakes.push(
        `${name}_FILE: cannot read ${path} (${(error as NodeJS.ErrnoException).code}).`,
      );
    }
  }
  return env;
}

function deepFreeze<T extends object>(value: T): Readonly<T> {
  // The bytes of a key: JavaScript cannot freeze them.
  if (ArrayBuffer.isView(value)) return value;
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) deepFreeze(part as object);
  }
  return Object.freeze(value);
}
