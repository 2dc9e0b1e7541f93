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
import { claimEndpoints, type Lease } from './leases-query.ts';
import { SET_ASIDE_AFTER } from './delivery.ts';
import { serveEndpoint, type SessionDeps } from './endpoint-session.ts';

export interface SenderDeps extends Omit<SessionDeps, 'signal' | 'concurrency'> {
  readonly logger: Logger;
  readonly turnMs?: number;
}

export interface Sender {
  /** How many endpoints are served at present. */
  readonly servedCount: number;
  /** Whether it could look for endpoints the last time. */
  readonly isClaiming: boolean;
  /** Claims nothing more, waits for what is being sent within `timeoutMs`, and leaves the rest to others. */
  close(timeoutMs: number): Promise<void>;
}

const CLAIM_MS = 200;
/** Deliveries of one endpoint in progress at a time. */
const CONCURRENCY = 10;
/** Endpoints served at a time. Each has at most 1.25 MiB of bodies in progress, and one that is set aside 256 KiB: 140 MiB. */
const SERVED_MAX = 100;
const SERVED_PER_CLIENT_MAX = 10;
/** Those that are set aside, in addition. */
const SET_ASIDE_MAX = 50;
/** So long an endpoint is served at least, where others may wait for its place. */
const TURN_MS = 10_000;

interface Served {
  readonly client: string;
  readonly isSetAside: boolean;
  readonly turnEndMs: number;
  /** Aborted when it must leave its place to others. */
  readonly turn: AbortController;
  readonly work: Promise<void>;
}

export function startSender(deps: SenderDeps): Sender {
  const { pool, logger, onStep, turnMs = TURN_MS } = deps;
  const stopping = new AbortController();
  const isStopping = () => stopping.signal.aborted;
  const served = new Map<string, Served>();

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
    const busy = busyClients(ofKind.map(({ client }) => client));
    endTurns(limit <= 0 ? ofKind : ofKind.filter(({ client }) => busy.includes(client)));
    if (limit <= 0 || isStopping()) return;
    const lease = randomUUID();
    const claimed = await claimEndpoints(pool, {
      lease,
      limit,
      perClientMax: SERVED_PER_CLIENT_MAX,
      setAside,
      setAsideAfter: SET_ASIDE_AFTER,
      busyClients: busy,
    });
    if (claimed.length > 0) onStep('claimed');
    for (const { id, client } of claimed) {
      const turn = new AbortController();
      if (isStopping()) turn.abort();
      const work = serve({ endpointId: id, lease }, turn.signal).finally(() => served.delete(id));
      const turnEndMs = performance.now() + turnMs;
      served.set(id, { client, isSetAside: setAside, turnEndMs, turn, work });
    }
  }

  async function serve(lease: Lease, signal: AbortSignal) {
    try {
      await serveEndpoint(lease, { ...deps, concurrency: CONCURRENCY, signal });
    } catch (error) {
      // The lease ends by itself. Until then nobody repeats an error of ours, such as a missing key.
      logger.error({ err: error, endpointId: lease.endpointId }, 'endpoint could not be served');
    }
  }

  return {
    get servedCount() {
      return served.size;
    },
    get isClaiming() {
      return watch.latest !== undefined;
    },
    async close(timeoutMs) {
      watch.close();
      stopping.abort();
      for (const { turn } of served.values()) turn.abort();
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

/** Otherwise endpoints that always have something to send would keep their places for ever. */
function endTurns(served: readonly Served[]): void {
  const nowMs = performance.now();
  for (const { turnEndMs, turn } of served) if (nowMs >= turnEndMs) turn.abort();
}
