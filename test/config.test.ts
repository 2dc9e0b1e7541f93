import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseConfig, type ConfigNeeds, type RawEnv } from '../src/config.ts';
import { RejectedError } from '../src/core/errors.ts';

const SERVERS = {
  RABBITMQ_URL: 'amqp://user:rabbit-password@rabbit.example:5672/vhost',
  REDIS_URL: 'redis://:redis-password@redis.example:6379/0',
  DATABASE_URL: 'postgres://user:postgres-password@postgres.example:5432/pulse',
};
const SECRETS = { JWT_SECRET: 'j'.repeat(32), ADMIN_PASSWORD: 'p'.repeat(8) };

const directory = mkdtempSync(join(tmpdir(), 'pulse-config-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** The lines of the error, without the first. */
function mistakesOf(env: RawEnv, needs?: ConfigNeeds): string[] {
  try {
    parseConfig(env, needs);
  } catch (error) {
    expect(error).toBeInstanceOf(RejectedError);
    expect(error).toMatchObject({ code: 'PULSE_CONFIG_INVALID', retryable: false });
    return (error as Error).message.split('\n').slice(1);
  }
  return [];
}

describe('parseConfig', () => {
  test('an empty environment is valid and means private servers', () => {
    const config = parseConfig({});
    expect(config.servers).toBeUndefined();
    expect(config).toMatchObject({
      queue: 'pulses',
      shards: 1,
      ingest: { batchSize: 2_000, prefetch: 4_000, bodyBytesMax: 8_388_608 },
      flush: { cron: '0 * * * *', onExit: false },
      api: { port: 3_000 },
      metrics: { port: 9_464 },
    });
    expect(parseConfig({ API_HOST: '0.0.0.0' }).metrics.host).toBe('127.0.0.1');
    expect(config.ingest.threads).toBeGreaterThanOrEqual(1);
    expect(config.ingest.pulseAgeMaxMs).toBe(35 * 86_400_000);
    expect(config.ingest.pulseAheadMaxMs).toBe(5 * 60_000);
  });

  test('variables of other programs are ignored', () => {
    expect(parseConfig({ HOME: '/root', PULSE_UNKNOWN: 'x' })).toEqual(parseConfig({}));
  });

  test('URLs of RabbitMQ and Redis clusters may name several hosts', () => {
    const clusters = {
      RABBITMQ_URL: 'amqp://user:password@a:5672,b:5672,c:5672/vhost',
      REDIS_URL: 'redis+cluster://default:password@a:6379,b:6379',
    };
    expect(parseConfig({ ...SERVERS, ...clusters }).servers).toMatchObject({
      rabbitmqUrl: clusters.RABBITMQ_URL,
      redisUrl: clusters.REDIS_URL,
    });
  });

  test.each([
    ['REDIS_URL', 'redis://a:6379,b:6379', 'redis+cluster:// or rediss+cluster://'],
    ['DATABASE_URL', 'postgres://a,b/pulse', 'a proxy or a name that follows the primary'],
  ])('%s with several hosts, %s, is refused', (name, url, needed) => {
    expect(mistakesOf({ ...SERVERS, [name]: url })).toEqual([
      `  ${name}: must name one host; for several, use ${needed}.`,
    ]);
  });

  test('an empty host between commas is a mistake', () => {
    expect(mistakesOf({ ...SERVERS, RABBITMQ_URL: 'amqp://a,,c' })).toHaveLength(1);
  });

  test('an empty value means not set', () => {
    expect(parseConfig({ SHARDS: '', RABBITMQ_URL: '', JWT_SECRET: '' })).toEqual(parseConfig({}));
  });

  test('all mistakes are reported together, each with its variable', () => {
    const env = {
      RABBITMQ_URL: 'http://rabbit.example',
      REDIS_URL: 'not a url',
      DATABASE_URL: 'mysql://db.example',
      PULSE_QUEUE: 'with space',
      SHARDS: '0',
      INGEST_THREADS: '1.5',
      PREFETCH: '-1',
      BATCH_SIZE: 'many',
      BATCH_LINGER_MS: '1e3',
      DEDUPE_WINDOW_SECONDS: '59',
      FLUSH_CRON: 'every hour',
      FLUSH_ON_EXIT: 'maybe',
      API_PORT: '65536',
      METRICS_PORT: '0x10',
      JWT_SECRET: 'short',
      ADMIN_USERNAME: 'a b',
      ADMIN_PASSWORD: '1234567',
      LOG_LEVEL: 'loud',
    };
    const mistakes = mistakesOf(env);
    expect(mistakes.map((line) => line.trim().split(':')[0]).sort()).toEqual(
      Object.keys(env).sort(),
    );
  });

  test('broken rules between variables are reported with all other mistakes', () => {
    const mistakes = mistakesOf({ SHARDS: '0', PREFETCH: '1999', REDIS_URL: SERVERS.REDIS_URL });
    expect(mistakes).toHaveLength(3);
    expect(mistakes.join('\n')).toMatch(/SHARDS[^]*PREFETCH|PREFETCH[^]*SHARDS/);
    expect(mistakes.join('\n')).toContain('RABBITMQ_URL, REDIS_URL, DATABASE_URL');
  });

  test.each([
    ['SHARDS', '1', '1024', '0', '1025'],
    ['PREFETCH', '4000', '65535', '1', '65536'],
    ['BATCH_SIZE', '1', '10000', '0', '10001'],
    ['BATCH_LINGER_MS', '0', '10000', '-1', '10001'],
    ['DEDUPE_WINDOW_SECONDS', '60', '7776000', '59', '7776001'],
    ['BODY_BYTES_MAX', '1024', '134217728', '1023', '134217729'],
    ['API_PORT', '0', '65535', '-1', '65536'],
  ])('%s is accepted from %s to %s and refused outside', (name, ...[min, max, under, over]) => {
    for (const value of [min, max]) expect(mistakesOf({ [name]: value }), value).toEqual([]);
    for (const value of [under, over]) {
      expect(mistakesOf({ [name]: value }), value).toEqual([expect.stringContaining(`${name}:`)]);
    }
  });

  test('a window has 60, 30 or 15 minutes', () => {
    expect(parseConfig({}).ingest.windowSeconds).toBe(3_600);
    expect(parseConfig({ WINDOW_MINUTES: '15' }).ingest.windowSeconds).toBe(900);
    expect(mistakesOf({ WINDOW_MINUTES: '20' })).toEqual([
      expect.stringContaining('WINDOW_MINUTES: must be 60, 30, 15, not "20".'),
    ]);
  });

  test('a prefetch of less than two batches is refused; exactly two are enough', () => {
    expect(mistakesOf({ BATCH_SIZE: '500', PREFETCH: '999' })).toEqual([
      expect.stringContaining('PREFETCH: 999'),
    ]);
    expect(mistakesOf({ BATCH_SIZE: '500', PREFETCH: '1000' })).toEqual([]);
  });

  test.each(Object.keys(SERVERS))(
    'two of the three servers are not enough: %s is missing',
    (name) => {
      const mistakes = mistakesOf({ ...SERVERS, [name]: '' });
      expect(mistakes).toHaveLength(1);
      for (const variable of Object.keys(SERVERS)) expect(mistakes[0]).toContain(variable);
    },
  );

  test('with your own servers, the API needs a signing secret and an administrator', () => {
    const mistakes = mistakesOf(SERVERS, { api: true });
    expect(mistakes.map((line) => line.trim().split(':')[0])).toEqual([
      'JWT_SECRET',
      'ADMIN_PASSWORD',
    ]);
    expect(mistakesOf({ ...SERVERS, ...SECRETS }, { api: true })).toEqual([]);
    expect(mistakesOf(SERVERS, { api: false })).toEqual([]);
    expect(mistakesOf({}, { api: true })).toEqual([]);
  });

  test('web pages are allowed only by exact origin', () => {
    expect(parseConfig({}).api.corsOrigins).toEqual([]);
    const CORS_ORIGINS = 'https://app.example.com, http://localhost:5173';
    expect(parseConfig({ CORS_ORIGINS }).api.corsOrigins).toEqual([
      'https://app.example.com',
      'http://localhost:5173',
    ]);
    for (const text of [
      '*',
      'null',
      'app.example.com',
      'https://a/',
      'https://*.b.c',
      'https://A.b',
    ]) {
      expect(mistakesOf({ CORS_ORIGINS: text }), text).toHaveLength(1);
    }
  });

  test('a request limit of 0 means no limit', () => {
    expect(parseConfig({}).api.requestsPerMinute).toBe(6_000);
    expect(parseConfig({ RATE_LIMIT_PER_MINUTE: '0' }).api.requestsPerMinute).toBeUndefined();
  });

  test('a secret is never printed', () => {
    const secrets = {
      RABBITMQ_URL: 'amqpx://user:rabbit-password@host',
      REDIS_URL: 'redis-password',
      DATABASE_URL: 'postgres//user:postgres-password@host',
      JWT_SECRET: 'jwt-secret-too-short',
      ADMIN_PASSWORD: 'admin-p',
    };
    const text = mistakesOf(secrets).join('\n');
    expect(text.split('\n')).toHaveLength(5);
    for (const secret of ['rabbit-p', 'redis-p', 'postgres-p', 'jwt-secret', 'admin-p']) {
      expect(text).not.toContain(secret);
    }
  });

  test('a URL without a host is refused', () => {
    const env = { RABBITMQ_URL: 'amqp://', REDIS_URL: 'redis:x', DATABASE_URL: 'postgres:' };
    expect(mistakesOf(env)).toHaveLength(3);
  });
});

describe('NAME_FILE', () => {
  const file = (name: string, content: string): string => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };

  test('every secret may come from a file, without its trailing line break', () => {
    const config = parseConfig({
      RABBITMQ_URL_FILE: file('rabbit', `${SERVERS.RABBITMQ_URL}\n`),
      REDIS_URL_FILE: file('redis', SERVERS.REDIS_URL),
      DATABASE_URL_FILE: file('postgres', `${SERVERS.DATABASE_URL}\r\n`),
      JWT_SECRET_FILE: file('jwt', `${SECRETS.JWT_SECRET}\n`),
      ADMIN_PASSWORD_FILE: file('admin', `${SECRETS.ADMIN_PASSWORD}\n`),
    });
    expect(config.servers).toEqual({
      rabbitmqUrl: SERVERS.RABBITMQ_URL,
      redisUrl: SERVERS.REDIS_URL,
      databaseUrl: SERVERS.DATABASE_URL,
    });
    expect(config.api).toMatchObject({
      jwtSecret: SECRETS.JWT_SECRET,
      adminPassword: SECRETS.ADMIN_PASSWORD,
    });
  });

  test('the variable takes precedence over its file', () => {
    const env = {
      ADMIN_PASSWORD: 'from-variable',
      ADMIN_PASSWORD_FILE: file('other', 'from-file'),
    };
    expect(parseConfig(env).api.adminPassword).toBe('from-variable');
  });

  test('an unreadable file is reported under its own name, with all other mistakes', () => {
    const mistakes = mistakesOf({ JWT_SECRET_FILE: join(directory, 'missing'), SHARDS: '0' });
    expect(mistakes).toHaveLength(2);
    expect(mistakes.join('\n')).toMatch(/JWT_SECRET_FILE: .*ENOENT/);
    expect(mistakes.join('\n')).toContain('SHARDS:');
  });

  test('the content of a file must follow the same rules and is not printed', () => {
    const [mistake = ''] = mistakesOf({ JWT_SECRET_FILE: file('weak', 'weak-secret') });
    expect(mistake).toContain('JWT_SECRET:');
    expect(mistake).not.toContain('weak-secret');
  });

  test('an empty file is a mistake, not a missing secret', () => {
    expect(mistakesOf({ ADMIN_PASSWORD_FILE: file('empty', '\n') })).toEqual([
      expect.stringContaining('ADMIN_PASSWORD:'),
    ]);
  });
});

describe('the result', () => {
  test('is deeply frozen', () => {
    const config = parseConfig({ ...SERVERS, ...SECRETS });
    expect(() => Object.assign(config, { shards: 2 })).toThrow(TypeError);
    expect(() => Object.assign(config.ingest, { batchSize: 1 })).toThrow(TypeError);
    expect(() => Object.assign(config.servers ?? {}, { redisUrl: 'x' })).toThrow(TypeError);
  });

  test('keeps no reference to the environment', () => {
    const env: Record<string, string> = { PULSE_QUEUE: 'first' };
    const config = parseConfig(env);
    env.PULSE_QUEUE = 'second';
    expect(config.queue).toBe('first');
  });
});

test('the values of all secrets are listed, including those that only libraries read', () => {
  const { secrets } = parseConfig({
    ...SERVERS,
    ...SECRETS,
    RABBITMQ_URL: 'amqp://u:rabbit-s%40cret@h',
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=collector-secret, other = second-secret',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://u:endpoint-secret@h',
  });
  expect(secrets).toEqual(
    expect.arrayContaining([
      'rabbit-s%40cret',
      'rabbit-s@cret',
      'collector-secret',
      'second-secret',
      'endpoint-secret',
      SECRETS.JWT_SECRET,
      SECRETS.ADMIN_PASSWORD,
    ]),
  );
});
