/** Connects to a Redis Cluster with the same rule: a command that may have been applied is never sent again. */
import { Cluster, type ClusterNode, type Redis } from 'ioredis';
import { TransientError } from '../core/errors.ts';
import { backoffDelayMs } from './backoff.ts';
import { hostUrls } from './server-urls.ts';

export interface ClusterSettings {
  readonly connectionName: string;
  readonly connectTimeout: number;
  readonly commandTimeout: number;
  readonly socketTimeout: number;
}

const RECONNECT = { baseMs: 50, capMs: 2_000 };
const DEFAULT_PORT = 6_379;
/** How soon a client notices a failover, since nothing notifies it. */
const SLOTS_REFRESH_INTERVAL_MS = 1_000;
const SLOTS_REFRESH_TIMEOUT_MS = 5_000;

/** Whether the URL names nodes of a cluster. One node that answers is enough. */
export function isClusterUrl(url: string): boolean {
  return /^rediss?\+cluster:/i.test(url);
}

/**
 * Creates a cluster client that is not connected yet.
 *
 * It follows MOVED, ASK and TRYAGAIN, because a node that answers so has done nothing. It does not retry a
 * command whose connection breaks, and it passes CLUSTERDOWN to the caller, who knows how long to wait.
 */
export function createCluster(url: string, settings: ClusterSettings): Cluster {
  const urls = hostUrls(url).map((one) => new URL(one));
  const { username = '', password = '', protocol } = urls[0] ?? {};
  const isEncrypted = protocol === 'rediss+cluster:';
  return new Cluster(urls.map(toNode), {
    lazyConnect: true,
    enableOfflineQueue: false,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    slotsRefreshInterval: SLOTS_REFRESH_INTERVAL_MS,
    slotsRefreshTimeout: SLOTS_REFRESH_TIMEOUT_MS,
    clusterRetryStrategy: (attempt) => backoffDelayMs(attempt, RECONNECT),
    redisOptions: {
      ...settings,
      ...(username === '' ? {} : { username: decodeURIComponent(username) }),
      ...(password === '' ? {} : { password: decodeURIComponent(password) }),
      ...(isEncrypted ? { tls: {} } : {}),
    },
    // Certificates are issued for names; by default the library would connect to the resolved address.
    ...(isEncrypted
      ? {
          dnsLookup: (name, found) => {
            found(null, name);
          },
        }
      : {}),
  });
}

function toNode({ hostname, port }: URL): ClusterNode {
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? DEFAULT_PORT : Number(port),
  };
}

/** @throws TransientError PULSE_REDIS_UNREACHABLE when an owner is not connected, or none is known yet. */
export function slotOwners(cluster: Cluster): Redis[] {
  const owners = new Set(cluster.slots.map(([owner]) => owner));
  const connected = cluster
    .nodes('all')
    .filter(({ options: { host = '', port = 0 } }) => owners.has(`${host}:${port}`));
  if (connected.length > 0 && connected.length === owners.size) return connected;
  throw new TransientError(
    'PULSE_REDIS_UNREACHABLE',
    `${owners.size - connected.length} of the ${owners.size} masters of the cluster are unavailable.`,
  );
}

/**
 * A master that has just restarted answers, but refuses every key until it has found the others.
 *
 * @throws TransientError PULSE_REDIS_UNREACHABLE
 */
export async function assertInCluster(master: Redis): Promise<void> {
  const state = await master.cluster('INFO');
  if (state.includes('cluster_state:ok')) return;
  const { host = '', port = 0 } = master.options;
  throw new TransientError(
    'PULSE_REDIS_UNREACHABLE',
    `The master ${host}:${port} has lost contact with its cluster.`,
  );
}
