/**
 * Serves one endpoint for as long as there is something to do: makes its deliveries, sends those that are due, and
 * writes each attempt down. A lease makes sure that one process at a time serves an endpoint.
 *
 * | # | step | if the process dies right after it |
 * |---|---|---|
 * | 1 | the endpoint is claimed | another process claims it when the lease ends |
 * | 2 | the deliveries of new messages are inserted | they are due; another process sends them |
 * | 3 | a delivery is sent | sent again, with the same `webhook-id` |
 * | 4 | its attempt is written, with when it is due again | done; a failure is sent again when it is due |
 * | 5 | the endpoint is released | it is claimed when its next delivery is due |
 */
import type { Pool } from 'pg';
import { webhookIdOf } from '../events/events.ts';
import { readMessages } from '../events/messages-query.ts';
import { waitAtMost } from '../platform/backoff.ts';
import { extendLease, releaseEndpoint, type Lease } from './leases-query.ts';
import { readDueDeliveries, type AttemptRecord, type DueDelivery } from './sender-query.ts';
import { paceOf, webhookBody, type FailureState } from './delivery.ts';
import type { DeliveryStep } from './delivery-steps.ts';
import { readForSending, type SigningEndpoint } from './endpoints-query.ts';
import { fanOut } from './fan-out.ts';
import { recordAttempts } from './record-attempts.ts';
import type { SecretBox } from './secret-box.ts';
import { sendDelivery, type SendDeps, type Webhook } from './send-delivery.ts';

export interface SessionDeps extends SendDeps {
  readonly pool: Pool;
  readonly secretBox: Pick<SecretBox, 'open'>;
  /** Of every message name. */
  readonly prefix: string;
  /** Deliveries of one endpoint in progress at a time. */
  readonly concurrency: number;
  /** Aborted when the process must stop, or another endpoint has its turn: nothing more is sent. */
  readonly signal: AbortSignal;
  /** Called after each step; fault tests stop the process there. */
  readonly onStep: (step: DeliveryStep) => void;
}

const READY_MAX = 100;
/** Bodies of one endpoint in progress at a time; the last one may go beyond. */
const BODIES_BYTES_MAX = 1024 * 1024;
const LOOK_MS = 100;
const LEASE_MS = 1_000;
/** How long a new message may wait while others of its endpoint are sent. */
const NEW_MESSAGES_MS = 50;

/** What a session knows; all of it can be read again. */
interface Session {
  readonly lease: Lease;
  endpoint: SigningEndpoint;
  secrets: readonly string[];
  failures: FailureState;
  leasedAtMs: number;
  lookedAtMs: number;
  hasMore: boolean;
  ready: DueDelivery[];
  /** Until their attempts are written: they must not be sent again before. */
  readonly inProgress: Map<string, Promise<void>>;
  /** Of what is being sent. */
  bodiesBytes: number;
  readonly records: AttemptRecord[];
  /** The last address that answered 410. */
  goneUrl: string | undefined;
  isOver: boolean;
  nextSendAtMs: number;
}

/** Ends when nothing is due, the endpoint pauses or is disabled, or the signal aborts. */
export async function serveEndpoint(lease: Lease, deps: SessionDeps): Promise<void> {
  const { pool, signal } = deps;
  const session = await openSession(lease, deps);
  if (session === undefined) return;
  let pauseMs = 0;
  while (!signal.aborted && (await look(session, deps))) {
    const free = concurrencyOf(session, deps) - session.inProgress.size;
    const started = pauseMs > 0 ? 0 : await startSending(session, deps, free);
    if (session.records.length > 0) {
      await record(session, deps);
      pauseMs = paceOf(session.failures, 1).pauseMs;
      continue;
    }
    if (session.inProgress.size === 0 && started === 0) {
      if (pauseMs > 0 || (!session.hasMore && session.ready.length === 0)) break;
    }
    await waitAtMost(waitMsOf(session), Promise.race(session.inProgress.values()));
  }
  await Promise.all(session.inProgress.values());
  await record(session, deps);
  // After its turn it is due behind those that wait.
  if (signal.aborted) pauseMs = Math.max(pauseMs, 1);
  await releaseEndpoint(pool, lease, { pauseMs, isFifo: session.endpoint.isFifo });
  deps.onStep('released');
}

async function openSession(lease: Lease, deps: SessionDeps): Promise<Session | undefined> {
  const { pool, secretBox } = deps;
  const endpoint = await readForSending(pool, lease.endpointId);
  if (endpoint === undefined) {
    await releaseEndpoint(pool, lease, { pauseMs: 0, isFifo: false });
    return undefined;
  }
  const { failingSince, failuresInRow } = endpoint;
  return {
    lease,
    endpoint,
    secrets: openSecrets(endpoint, secretBox),
    failures: { failingSince, failuresInRow },
    leasedAtMs: -Infinity,
    lookedAtMs: -Infinity,
    hasMore: true,
    ready: [],
    inProgress: new Map(),
    bodiesBytes: 0,
    records: [],
    goneUrl: undefined,
    isOver: false,
    nextSendAtMs: performance.now() + leftOfRateMs(endpoint),
  };
}

/** Keeps the lease, and looks for new messages and due deliveries. @returns Whether the session goes on. */
async function look(session: Session, deps: SessionDeps): Promise<boolean> {
  const { pool, secretBox } = deps;
  const { lease, inProgress, ready } = session;
  if (session.isOver) return false;
  const nowMs = performance.now();
  if (nowMs - session.leasedAtMs > LEASE_MS) {
    session.leasedAtMs = nowMs;
    if (!(await extendLease(pool, lease))) return false;
    const current = await readForSending(pool, lease.endpointId);
    if (current === undefined) return false;
    session.endpoint = current;
    session.secrets = openSecrets(current, secretBox);
  }
  if (session.hasMore || nowMs - session.lookedAtMs > NEW_MESSAGES_MS) {
    session.lookedAtMs = nowMs;
    const hasMore = await fanOut(deps, session.endpoint, lease);
    if (hasMore === undefined) return false;
    session.hasMore = hasMore;
  }
  const { isFifo } = session.endpoint;
  if (ready.length > 0 || inProgress.size >= concurrencyOf(session, deps)) return !session.isOver;
  const excluded = [...inProgress.keys()];
  const due = await readDueDeliveries(pool, lease.endpointId, {
    limit: READY_MAX,
    isFifo,
    excluded,
  });
  session.ready = due.filter(({ isDue }) => isDue);
  return !session.isOver;
}

/** @throws FatalError PULSE_DELIVERY_SECRET_KEY There is no key for a secret. */
function openSecrets({ id, secrets }: SigningEndpoint, secretBox: SessionDeps['secretBox']) {
  return secrets.map((secret) => secretBox.open(secret, id));
}

/** Deliveries in order are sent one at a time. */
function concurrencyOf({ failures, endpoint }: Session, { concurrency }: SessionDeps): number {
  return paceOf(failures, endpoint.isFifo ? 1 : concurrency).concurrency;
}

/** @returns How many deliveries it started to send. */
async function startSending(session: Session, deps: SessionDeps, free: number): Promise<number> {
  const { ready } = session;
  const bytesMax = BODIES_BYTES_MAX - session.bodiesBytes;
  if (bytesMax <= 0) return 0;
  const count = allowedByRate(session, Math.min(free, ready.length));
  if (count <= 0) return 0;
  const taken = ready.splice(0, count);
  const webhooks = await readWebhooks(taken, deps, bytesMax);
  // They wait until some of what is in progress has been sent.
  ready.unshift(...taken.splice(webhooks.length));
  for (const [index, delivery] of taken.entries()) {
    send(session, deps, { delivery, webhook: webhooks[index] });
  }
  return taken.length;
}

/** @returns Those of the first deliveries, as many as have room; undefined where the message is gone. */
async function readWebhooks(
  deliveries: readonly DueDelivery[],
  { pool }: SessionDeps,
  bytesMax: number,
): Promise<(Webhook | undefined)[]> {
  const keys = deliveries.map(({ producer, messageId: id, messageStoredAt: storedAt }) => ({
    producer,
    id,
    storedAt,
  }));
  const messages = await readMessages(pool, keys, bytesMax);
  const webhooks: (Webhook | undefined)[] = [];
  for (const { producer, id } of keys) {
    const message = messages.find((one) => one.producer === producer && one.id === id);
    if (message === undefined) {
      webhooks.push(undefined);
      continue;
    }
    const { data } = message;
    if (data === null) break;
    webhooks.push({ id: webhookIdOf(message), body: webhookBody({ ...message, data }) });
  }
  return webhooks;
}

function send(
  session: Session,
  deps: SessionDeps,
  { delivery, webhook }: { readonly delivery: DueDelivery; readonly webhook: Webhook | undefined },
): void {
  const { url } = session.endpoint;
  const bytes = webhook?.body.length ?? 0;
  session.bodiesBytes += bytes;
  const sending = sendDelivery({ url, secrets: session.secrets, delivery, webhook }, deps)
    .then((result) => {
      deps.onStep('sent');
      session.records.push(result.record);
      if (result.isGone) session.goneUrl = url;
      session.isOver ||= result.isGone;
    })
    .finally(() => {
      session.bodiesBytes -= bytes;
    });
  // What waits for it meets the error; when nobody does, it must not end the process.
  sending.catch(() => undefined);
  session.inProgress.set(delivery.id, sending);
}

/** Spreads deliveries evenly, so that a burst never exceeds the rate of an endpoint. */
function allowedByRate(session: Session, wanted: number): number {
  const { ratePerSecond } = session.endpoint;
  if (ratePerSecond === null || wanted <= 0) return wanted;
  const nowMs = performance.now();
  if (nowMs < session.nextSendAtMs) return 0;
  session.nextSendAtMs = turnAfter(session.nextSendAtMs, { nowMs, periodMs: 1000 / ratePerSecond });
  return 1;
}

/**
 * When the next delivery may be sent after one that is sent now. One that is a little late does not put it off; the time
 * of a pause is not made up for.
 */
export function turnAfter(
  turnMs: number,
  { nowMs, periodMs }: { readonly nowMs: number; readonly periodMs: number },
): number {
  return (nowMs - turnMs < periodMs ? turnMs : nowMs) + periodMs;
}

/** How long to wait when nothing happens by itself: less when the rate allows the next delivery before. */
function waitMsOf({ ready, nextSendAtMs }: Session): number {
  const waitMs = nextSendAtMs - performance.now();
  return ready.length > 0 && waitMs > 0 ? Math.min(LOOK_MS, waitMs) : LOOK_MS;
}

/** How long an endpoint with a rate waits after its last attempt, which another session has made. */
function leftOfRateMs({ ratePerSecond, lastAttemptAt }: SigningEndpoint): number {
  if (ratePerSecond === null || lastAttemptAt === null) return 0;
  const periodMs = 1000 / ratePerSecond;
  return Math.min(Math.max(0, lastAttemptAt.getTime() + periodMs - Date.now()), periodMs);
}

async function record(session: Session, deps: SessionDeps): Promise<void> {
  const records = session.records.splice(0);
  if (records.length === 0) return;
  const { endpoint, goneUrl } = session;
  const after = await recordAttempts({ endpoint, goneUrl, records }, deps);
  deps.onStep('recorded');
  for (const { deliveryId } of records) session.inProgress.delete(deliveryId);
  session.failures = after.failures;
  session.isOver = after.isOver;
}
