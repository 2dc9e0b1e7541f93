/** A Redis client that fails fast: no commands queue while Redis is down, and none is sent twice. */
import { Cluster, Redis, ReplyError } from 'ioredis';
import { codeOf, FatalError, TransientError } from '../core/errors.ts';
import { backoffDelayMs } from './backoff.ts';
import { serverOf, type Logger } from './logger.ts';
import { createOutageLog, type OutageLog } from './outage-log.ts';
import { assertInCluster, createCluster, isClusterUrl, slotOwners } from './redis-cluster.ts';
import { waitForServer, type AwaitedServer, type WaitOptions } from './wait-for-server.ts';

/** A client of one server or of a cluster. */
export type RedisClient = Redis | Cluster;

export interface RedisOptions {
  /** Shown in CLIENT LIST. */
  readonly name: string;
  readonly logger: Logger;
  readonly commandTimeoutMs?: number;
  /** False for a process that sends no command: the client exists, and never opens a connection. */
  readonly connects?: boolean;
}

/** How Redis refuses a login. The last one comes from a server that has no password set. */
const REFUSED = /^(WRONGPASS|NOAUTH|ERR AUTH )/;

/** The user may not give a command, or the server does not have it. */
const FORBIDDEN = /^(NOPERM |ERR unknown command)/i;

/**
 * First words of the replies of a server that is not the primary, or not yet. Behind an address that follows the
 * primary, only a new connection reaches the right server; nothing closes the old one.
 */
const WRONG_SERVER = /^(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN)\b/;

/** After the timeout of a command that got no answer at all, the connection is given up too. */
const SILENCE_GRACE_MS = 1_000;

const RECONNECT = { baseMs: 50, capMs: 2_000 };

/**
 * Creates a client that connects in the background and never stops reconnecting.
 *
 * A command fails at once while the connection is down or when it breaks (`maxRetriesPerRequest` 0, no offline
 * queue). By default the library would resend a command whose first copy may have been applied. Every rejection
 * therefore means "outcome unknown", and callers must be idempotent.
 *
 * It leaves a server that says that it is not the primary, and one that has stopped answering: a new connection
 * may reach another server. A cluster client follows its masters by other means.
 */
export function createRedis(url: string, options: RedisOptions): RedisClient {
  const { name, logger, commandTimeoutMs = 15_000, connects = true } = options;
  const settings = {
    // Redis does not allow spaces in names.
    connectionName: name.replaceAll(' ', '-'),
    commandTimeout: commandTimeoutMs,
    connectTimeout: 10_000,
    socketTimeout: commandTimeoutMs + SILENCE_GRACE_MS,
  };
  const client = isClusterUrl(url)
    ? createCluster(url, settings)
    : new Redis(url, {
        ...settings,
        lazyConnect: true,
        maxRetriesPerRequest: 0,
        enableOfflineQueue: false,
        reconnectOnError: isWrongServer,
        retryStrategy: (attempt) => backoffDelayMs(attempt, RECONNECT),
      });
  logOutages(client, { server: serverOf(url), name, logger });
  if (connects) {
    client.connect().catch(() => {
      // The listeners above report it, and the retry strategy continues.
    });
  }
  return client;
}

/** Without a listener, ioredis swallows errors and a dead client looks healthy. */
function logOutages(
  client: RedisClient,
  { server, name, logger }: { server: string; name: string; logger: Logger },
): void {
  const outageOf = (address: string): OutageLog =>
    createOutageLog({
      logger,
      facts: { server: address, client: name },
      failedText: 'redis connection failed',
      endedText: 'redis connected again',
    });
  const outage = outageOf(server);
  client.on('error', (error: Error) => {
    outage.failed(causeOf(error));
  });
  client.on('ready', () => {
    outage.ended();
  });
  // A cluster client removes a node that it lost, and adds it when it answers again.
  const nodes = new Map<string, OutageLog>();
  client.on('node error', (error: Error, address: string) => {
    const node = nodes.get(address) ?? outageOf(address);
    nodes.set(address, node);
    node.failed(error);
  });
  client.on('+node', ({ options: { host, port } }: Redis) => {
    const address = `${host ?? ''}:${port ?? ''}`;
    nodes.get(address)?.ended();
    nodes.delete(address);
  });
}

/**
 * Every server that accepts writes: the single one, or the owners of a cluster's slots.
 *
 * @throws TransientError PULSE_REDIS_UNREACHABLE when one is not connected; the library would silently omit it.
 */
export function mastersOf(client: RedisClient): readonly Redis[] {
  return client instanceof Cluster ? slotOwners(client) : [client];
}

/** Every server that holds the sums, including replicas. @throws TransientError as mastersOf. */
export function nodesOf(client: RedisClient): readonly Redis[] {
  return client instanceof Cluster ? [...slotOwners(client), ...client.nodes('slave')] : [client];
}

/**
 * Resolves if every server that accepts writes answers and is ready for them.
 *
 * @throws TransientError PULSE_REDIS_REPLICA when a single server is a replica. The client reconnects then.
 */
export async function pingRedis(client: RedisClient): Promise<void> {
  // A cluster's masters are known only after one node has answered.
  await client.ping();
  if (client instanceof Cluster) await Promise.all(slotOwners(client).map(assertInCluster));
  else await assertIsPrimary(client);
}

function isWrongServer({ message }: Error): boolean {
  return WRONG_SERVER.test(message);
}

/** Whether a command failed because its server is lost, or is not the primary at the moment. */
export function isRedisDown(error: unknown): boolean {
  return !(error instanceof ReplyError) || isWrongServer(error as Error);
}

/**
 * An error that waiting does not fix, if Redis refuses a command whatever its arguments are; otherwise `error` itself.
 * Redis' words name the command.
 */
export function withForbidden(error: unknown): unknown {
  if (!(error instanceof ReplyError)) return error;
  const { message } = error as Error;
  if (!FORBIDDEN.test(message)) return error;
  return new FatalError(
    'PULSE_REDIS_FORBIDDEN',
    `Redis refuses a command that Pulse needs (${message}). ${GIVE_RIGHTS}`,
    { cause: error },
  );
}

const GIVE_RIGHTS =
  'Give the user of REDIS_URL "~{* +@all -@admin -@dangerous +info +role +config|get", as docs/operations.md ' +
  'says, and use Redis 7.0 or later without a rename-command.';

/** A replica answers pings and reads. A client that writes nothing would never notice that it was demoted. */
async function assertIsPrimary(redis: Redis): Promise<void> {
  const [role] = await redis.role().catch((error: unknown) => {
    // A managed server may forbid the question; then only a write shows it.
    if (isRedisDown(error)) throw error;
    return [];
  });
  if (role === undefined || role === 'master') return;
  redis.disconnect(true);
  throw new TransientError('PULSE_REDIS_REPLICA', 'Redis is a replica, which takes no writes.');
}

/**
 * Waits until Redis answers, for at most `timeoutMs`.
 *
 * @throws FatalError PULSE_REDIS_UNREACHABLE, with the variable and the server but never the password.
 */
export async function waitForRedis(
  client: RedisClient,
  { url, ...options }: WaitOptions & { readonly url: string },
): Promise<void> {
  // A refused password never shows up as a command's error: such a client just does not become ready.
  let connectionError: Error | undefined;
  const onError = (error: Error): void => {
    connectionError = causeOf(error);
  };
  client.on('error', onError);
  const server: AwaitedServer = {
    name: 'Redis',
    variable: 'REDIS_URL',
    url,
    code: 'PULSE_REDIS_UNREACHABLE',
    async attempt() {
      try {
        await client.ping();
        await assertDatabaseExists(client);
        // Before its role: a node of a cluster may be a replica at the moment.
        await assertUrlFits(client, url);
        await pingRedis(client);
      } catch (error) {
        if (error instanceof FatalError) throw error;
        // The reply to a command is newer than how a connection failed before.
        throw withForbidden(error instanceof ReplyError ? error : (connectionError ?? error));
      }
    },
    refusalOf,
    silenceOf: (error) => silenceOf(url, error),
  };
  await waitForServer(server, options).finally(() => client.off('error', onError));
}

/** Used as a single server, a cluster node would serve its own slots and refuse all others. */
async function assertUrlFits(client: RedisClient, url: string): Promise<void> {
  if (client instanceof Cluster) return;
  // If the server does not say, trust the URL.
  const state = await client.info('cluster').catch(() => '');
  if (!state.includes('cluster_enabled:1')) return;
  throw new FatalError(
    'PULSE_REDIS_UNREACHABLE',
    `REDIS_URL: Redis at ${serverOf(url)} is a cluster node: use redis+cluster:// in the URL.`,
  );
}

/** The library goes on in database 0 when Redis refuses the one that the URL names. */
async function assertDatabaseExists(client: RedisClient): Promise<void> {
  const { db = 0 } = client instanceof Cluster ? {} : client.options;
  if (db !== 0) await client.select(db);
}

/** Why waiting will not help; undefined when it may. */
function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (REFUSED.test(error.message)) return 'refuses the user name or password';
  if (error.message.includes('DB index is out of range')) {
    return 'has no database of the number at the end of the URL';
  }
  if (error.message.includes('cluster support disabled'))
    return 'is not a cluster: remove "+cluster" from the URL';
  return undefined;
}

/** What is said of a server that was waited for in vain. */
function silenceOf(url: string, error: unknown): string {
  const code = codeOf(error);
  if (code === 'PULSE_REDIS_REPLICA') {
    return 'is a replica, which takes no writes: the URL must lead to the primary';
  }
  if (error instanceof ReplyError) return `is not ready (${(error as Error).message})`;
  return `does not answer (${code ?? 'no connection in time'})${whetherTls(url, code)}`;
}

/** A server without TLS waits for more of what it takes for a command; one with TLS closes. */
function whetherTls(url: string, code: string | number | undefined): string {
  if (url.startsWith('rediss')) {
    const isSilent = code === undefined || code === 'ETIMEDOUT';
    return isSilent ? ': if the port is one without TLS, the URL begins with redis' : '';
  }
  return code === 'ECONNRESET' ? ': if the port is one with TLS, the URL begins with rediss' : '';
}

/** A cluster client's error says only that it failed; the reason is in the last node's error. */
function causeOf(error: Error): Error {
  const { lastNodeError } = error as { lastNodeError?: unknown };
  return lastNodeError instanceof Error ? lastNodeError : error;
}
