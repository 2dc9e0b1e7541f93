/** Which servers a command works on: those of the configuration, or private ones. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ServerUrls } from '../config.ts';
import { RejectedError } from '../core/errors.ts';
import { newSecretKeys, parseSecretKeys, type SecretKey } from '../delivery/secret-box.ts';
import { toFileFailure } from '../private-servers/file-failure.ts';
import { linkFile } from '../private-servers/link-file.ts';
import { startPrivateServers } from '../private-servers/private-servers.ts';
import {
  attachInstance,
  findRunningInstance,
  INSTANCE_DIRECTORY,
} from '../private-servers/instance.ts';
import type { CommandRun } from './command.ts';

export interface ApiCredentials {
  /** Signs the API's tokens. */
  readonly jwtSecret: string;
  readonly adminPassword: string;
  /** Encrypt the secrets of endpoints. Empty with configured servers and no WEBHOOK_SECRET_KEYS. */
  readonly secretKeys: readonly SecretKey[];
}

export interface OpenedServers {
  readonly servers: ServerUrls;
  readonly credentials: ApiCredentials;
}

const CREDENTIALS_NAME = 'api-credentials.json';
/** A file of its own, because folders of earlier versions have credentials without keys. */
const SECRET_KEYS_NAME = 'webhook-secret-keys';

/**
 * The servers of a command that does one thing and ends. It starts none: such servers would hold no data yet,
 * and end with the command.
 *
 * @throws RejectedError PULSE_USAGE_INVALID when none are configured and no private ones run here.
 */
export function findServers({ config }: CommandRun): ServerUrls {
  if (config.servers !== undefined) return config.servers;
  const running = findRunningInstance(INSTANCE_DIRECTORY);
  if (running !== null) return toUrls(running.env);
  throw new RejectedError(
    'PULSE_USAGE_INVALID',
    'RABBITMQ_URL, REDIS_URL and DATABASE_URL are not set, and no private servers run in this folder.\n' +
      'Set the three variables, or start private servers: `pulse start` or `pulse services up`.',
  );
}

/** The keys of a command that does one thing and ends, which encrypt the secrets of endpoints. */
export function findSecretKeys({ config }: CommandRun): readonly SecretKey[] {
  const { secretKeys } = config.delivery;
  if (config.servers !== undefined || secretKeys.length > 0) return secretKeys;
  return storedCredentials(INSTANCE_DIRECTORY).secretKeys;
}

/**
 * The servers of a long-running process: configured ones, private ones that run in this folder, or private
 * ones that end with the process.
 */
export async function openServers({ config, closer, tell }: CommandRun): Promise<OpenedServers> {
  const { secretKeys } = config.delivery;
  if (config.servers !== undefined) {
    const { jwtSecret = '', adminPassword = '' } = config.api;
    return { servers: config.servers, credentials: { jwtSecret, adminPassword, secretKeys } };
  }
  const instance = await attachInstance({ directory: INSTANCE_DIRECTORY, onProgress: tell });
  closer.add('private servers', () => instance.stop(), 'all');
  const stored = storedCredentials(INSTANCE_DIRECTORY);
  const { jwtSecret = stored.jwtSecret, adminPassword = stored.adminPassword } = config.api;
  return {
    servers: toUrls(instance.env),
    credentials: {
      jwtSecret,
      adminPassword,
      secretKeys: secretKeys.length > 0 ? secretKeys : stored.secretKeys,
    },
  };
}

/** Starts servers for this run only; they and their files are gone when it ends. */
export async function openPrivateServers(
  { closer, tell }: CommandRun,
  name: string,
): Promise<OpenedServers> {
  const services = await startPrivateServers({
    directory: join('.pulse', name),
    keepFiles: false,
    onProgress: tell,
  });
  closer.add('private servers', () => services.stop(), 'all');
  return { servers: toUrls(services.env), credentials: newCredentials() };
}

function toUrls(env: {
  RABBITMQ_URL: string;
  REDIS_URL: string;
  DATABASE_URL: string;
}): ServerUrls {
  return {
    rabbitmqUrl: env.RABBITMQ_URL,
    redisUrl: env.REDIS_URL,
    databaseUrl: env.DATABASE_URL,
  };
}

function newCredentials(): ApiCredentials {
  return { ...newApiSecrets(), secretKeys: parseSecretKeys(newSecretKeys()) };
}

function newApiSecrets(): Omit<ApiCredentials, 'secretKeys'> {
  return {
    jwtSecret: randomBytes(32).toString('hex'),
    // Hexadecimal: a password that starts with "-" would look like an option on a command line.
    adminPassword: randomBytes(12).toString('hex'),
  };
}

/**
 * Kept over restarts, so that tokens and the login stay valid, and secrets of endpoints can be decrypted.
 *
 * @throws RejectedError PULSE_SERVICES_FAILED when a file is broken, or cannot be read or written.
 */
export function storedCredentials(directory: string): ApiCredentials {
  const api = parseStored(
    readOrWrite(join(directory, CREDENTIALS_NAME), () => JSON.stringify(newApiSecrets())),
    parseApiSecrets,
    'Remove it: the next start sets a new password for the administrator, and ends all sessions.',
  );
  const secretKeys = parseStored(
    readOrWrite(join(directory, SECRET_KEYS_NAME), newSecretKeys),
    parseSecretKeys,
    'It encrypts the secrets of endpoints: restore it from a backup, or, if there are no endpoints, remove it.',
  );
  return { ...api, secretKeys };
}

function parseApiSecrets(text: string): ReturnType<typeof newApiSecrets> {
  const { jwtSecret, adminPassword } = JSON.parse(text) as Partial<ApiCredentials>;
  if (typeof jwtSecret === 'string' && typeof adminPassword === 'string') {
    return { jwtSecret, adminPassword };
  }
  throw new TypeError('A member is missing.');
}

interface StoredText {
  readonly path: string;
  readonly text: string;
}

function parseStored<T>({ path, text }: StoredText, parse: (text: string) => T, fix: string): T {
  try {
    return parse(text);
  } catch (cause) {
    const sentence = `${path} is empty or broken. ${fix}`;
    throw new RejectedError('PULSE_SERVICES_FAILED', sentence, { cause });
  }
}

/** A file, which the first start writes. Two first starts agree on one. */
function readOrWrite(path: string, create: () => string): StoredText {
  try {
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path)) writeFirst(path, create());
    return { path, text: readFileSync(path, 'utf8') };
  } catch (error) {
    throw toFileFailure(error, path);
  }
}

/** The file has its content as soon as it is there, even after a crash or on a full disk. */
function writeFirst(path: string, text: string): void {
  const mine = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(mine, text, { mode: 0o600, flush: true });
    linkFile(mine, path);
  } finally {
    rmSync(mine, { force: true });
  }
}
