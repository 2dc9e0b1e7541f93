/**
 * The sender: claims endpoints that have something to do and serves each by itself. Any number of processes may run one.
 *
 * An endpoint has its own deliveries in progress and nobody else's, so one that hangs delays no other. One that has
 * failed several times in a row is set aside: it is served among few others of its kind, one delivery at a time.
 */
import { randomUUID } from 'node:crypto';
import { waitAtMost } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import { startWatch } from '../platform/watch.ts';
import { claimEndpoints, releaseEndpoint } from './sender-query.ts';
import { SET_ASIDE_AFTER } from './delivery.ts';
import { serveEndpoint, type SessionDeps } from './endpoint-session.ts';

export interface SenderDeps extends Omit<SessionDeps, 'signal' | 'concurrency'> {
  readonly logger: Logger;
}

export interface Sender {
  /** How many endpoints are served at present. */
  readonly servedCount: number;
  /** Claims nothing more, waits for what is being sent within `timeoutMs`, and leaves the rest to others. */
  close(timeoutMs: number): Promise<void>;
}

const CLAIM_MS = 200;
/** Deliveries of one endpoint in progress at a time. */
const CONCURRENCY = 10;
/** Endpoints served at a time: with 10 deliveries of 256 KiB each, 250 MB at most. */
const SERVED_MAX = 100;
const SERVED_PER_CLIENT_MAX = 10;
/** Those that are set aside, in addition. */
const SET_ASIDE_MAX = 50;
/** After an error of ours, such as a missing key. */
const PAUSE_AFTER_ERROR_MS = 30_000;

interface Served {
  readonly client: string;
  readonly isSetAside: boolean;
  readonly work: Promise<void>;
}

export function startSender(deps: SenderDeps): Sender {
  const { pool, logger } = deps;
  const stopping = new AbortController();
  const served = new Map<string, Served>();
  const sessionDeps = { ...deps, concurrency: CONCURRENCY, signal: stopping.signal };

  const watch = startWatch({
    name: 'endpoints with deliveries',
    intervalMs: CLAIM_MS,
    logger,
    async look() {
      await claim(false, SERVED_MAX);
      await claim(true, SET_ASIDE_MAX);
      return served.size;
    },
  });

  async function claim(setAside: boolean, servedMax: number): Promise<void> {
    const ofKind = [...served.values()].filter(({ isSetAside }) => isSetAside === setAside);
    const limit = servedMax - ofKind.length;
    if (limit <= 0 || stopping.signal.aborted) return;
    const lease = randomUUID();
    const claimed = await claimEndpoints(pool, {
      lease,
      limit,
      perClientMax: SERVED_PER_CLIENT_MAX,
      setAside,
      setAsideAfter: SET_ASIDE_AFTER,
      busyClients: busyClients(ofKind.map(({ client }) => client)),
    });
    for (const { id, client } of claimed) {
      const work = serve({ endpointId: id, lease }).finally(() => served.delete(id));
      served.set(id, { client, isSetAside: setAside, work });
    }
  }

  async function serve(lease: { readonly endpointId: string; readonly lease: string }) {
    try {
      await serveEndpoint(lease, sessionDeps);
    } catch (error) {
      logger.error({ err: error, endpointId: lease.endpointId }, 'endpoint could not be served');
      const pause = { pauseMs: PAUSE_AFTER_ERROR_MS, isFifo: false };
      // Otherwise the lease ends by itself.
      await releaseEndpoint(pool, lease, pause).catch(() => undefined);
    }
  }

  return {
    get servedCount() {
      return served.size;
    },
    async close(timeoutMs) {
      watch.close();
      stopping.abort();
      await waitAtMost(timeoutMs, Promise.all([...served.values()].map(({ work }) => work)));
    },
  };
}

/** A client with so many endpoints in service waits for one of them to end. */
function busyClients(clients: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const client of clients) counts.set(client, (counts.get(client) ?? 0) + 1);
  return [...counts].filter(([, count]) => count >= SERVED_PER_CLIENT_MAX).map(([id]) => id);
}
