/** Changes of endpoints that people ask for, with the checks that need their tables. */
import type { Pool, PoolClient } from 'pg';
import { FatalError, TransientError } from '../core/errors.ts';
import { isStorable } from '../core/storable.ts';
import { HTTP_PROBLEMS, invalidField, ProblemError } from '../http/problems.ts';
import type { PutOutcome } from '../http/change-outcome.ts';
import { withTransaction } from '../platform/postgres.ts';
import type { AddressGuard } from './address-guard.ts';
import { failPending, wakeEndpoint } from './deliveries-query.ts';
import { DELIVERY_PROBLEMS } from './delivery-problems.ts';
import type { Endpoint, EndpointStatus } from './delivery.ts';
import {
  changeStatus,
  countOthers,
  deleteEndpoint,
  insertEndpoint,
  lockEndpoint,
  lockEndpointsOf,
  readEndpoint,
  readForSending,
  rotateSecret,
  updateEndpoint,
  type NewEndpoint,
} from './endpoints-query.ts';
import type { SecretBox } from './secret-box.ts';
import { newSecret, parseSecret } from './signature.ts';

/** Of one client. Each message is looked at once for each of them. */
export const ENDPOINTS_MAX = 50;
/** Of one client, with the deleted ones whose deliveries are kept. */
export const KNOWN_MAX = 1_000;
export const OVERLAP_HOURS_DEFAULT = 24;
export const OVERLAP_HOURS_MAX = 168;

/** A list has the filters of up to a thousand endpoints. */
const FILTER_NAME_LENGTH_MAX = 256;
const HOUR_MS = 3_600_000;
const CLOSED_AT_A_TIME = 1_000;
/** As many as a deleted endpoint may have left, because a process died. */
const LEFT_MAX = 1_000_000;

export interface ChangeEndpointDeps {
  readonly secretBox: SecretBox;
  readonly guard: Pick<AddressGuard, 'checkUrl'>;
}

/** An endpoint as it is asked for. */
export interface WantedEndpoint extends NewEndpoint {
  /** Undefined: as it is; a new one is enabled. */
  readonly status: EndpointStatus | undefined;
  /** Of a new endpoint. Undefined: a random one. */
  readonly secret: string | undefined;
}

/** An endpoint after a change, with its secret if that is new. */
export interface ChangedEndpoint {
  readonly endpoint: Endpoint;
  readonly secret: string | undefined;
}

export interface PutEndpoint extends ChangedEndpoint {
  readonly outcome: PutOutcome;
}

/**
 * Creates an endpoint, or changes the one with this id.
 *
 * @param mayKnow Whether the caller may learn that an endpoint of another client has this id.
 */
export async function putEndpoint(
  client: PoolClient,
  wanted: WantedEndpoint,
  { mayKnow, ...deps }: ChangeEndpointDeps & { readonly mayKnow: boolean },
): Promise<PutEndpoint> {
  const { id, filter } = wanted;
  if (Object.keys(filter ?? {}).some((name) => name.length > FILTER_NAME_LENGTH_MAX)) {
    throw invalidField(
      'filter',
      `must not have names of more than ${FILTER_NAME_LENGTH_MAX} characters`,
    );
  }
  if (!isStorable(filter, 1)) {
    throw invalidField('filter', 'must not contain NUL or half of a surrogate pair');
  }
  let secret: string | undefined;
  let known = await lockEndpoint(client, id);
  if (known === undefined) {
    secret = await create(client, wanted, deps);
    // Undefined: the id is another client's, or was taken in the meantime.
    known = await lockEndpoint(client, id);
  }
  if (known?.client !== wanted.client) throw otherClient(mayKnow);
  const isChanged = secret === undefined && (await change(client, { known, wanted }, deps));
  const isSwitched = await applyStatus(client, known, wanted.status);
  const outcome = isChanged || isSwitched ? 'changed' : 'unchanged';
  return {
    endpoint: (await readEndpoint(client, id)) ?? known,
    secret,
    outcome: secret === undefined ? outcome : 'created',
  };
}

/** @returns The secret; undefined if the id is taken. */
async function create(
  client: PoolClient,
  wanted: WantedEndpoint,
  deps: ChangeEndpointDeps,
): Promise<string | undefined> {
  checkUrl(wanted.url, deps);
  const secret = secretOf(wanted.secret);
  const sealed = seal(secret, { id: wanted.id, secretBox: deps.secretBox });
  await lockEndpointsOf(client, wanted.client);
  const { living, known } = await countOthers(client, wanted);
  if (living >= ENDPOINTS_MAX) {
    throw tooMany(`A client has at most ${ENDPOINTS_MAX} endpoints. Delete one first.`);
  }
  if (known >= KNOWN_MAX) {
    const what = `${KNOWN_MAX} endpoints whose deliveries are kept, deleted ones included`;
    throw tooMany(`A client has at most ${what}. Use the id of a deleted one again.`);
  }
  // What is left of a deleted endpoint with this id is not for the new one.
  await failPending(client, wanted.id, LEFT_MAX);
  return (await insertEndpoint(client, wanted, sealed)) ? secret : undefined;
}

/** @returns Whether something is different now. */
async function change(
  client: PoolClient,
  { known, wanted }: { readonly known: Endpoint; readonly wanted: WantedEndpoint },
  deps: ChangeEndpointDeps,
): Promise<boolean> {
  if (wanted.secret !== undefined) {
    throw new ProblemError(DELIVERY_PROBLEMS.PULSE_API_ENDPOINT_SECRET, {
      detail: 'Send the secret to `POST /endpoints/{id}/rotate-secret`, and leave it out here.',
    });
  }
  // What is not changed here is checked again before each attempt.
  if (wanted.url !== known.url) checkUrl(wanted.url, deps);
  const isChanged = await updateEndpoint(client, wanted);
  // What waited behind the first delivery may be due already.
  if (known.isFifo && !wanted.isFifo) await wakeEndpoint(client, known.id);
  return isChanged;
}

/** @returns Whether it is another now. */
async function applyStatus(
  client: PoolClient,
  endpoint: Endpoint,
  status: EndpointStatus | undefined,
): Promise<boolean> {
  if (status === undefined || status === endpoint.status) return false;
  await setStatus(client, endpoint, status);
  return true;
}

/** Enables or disables a locked endpoint on request. */
export function setStatus(
  client: PoolClient,
  endpoint: Pick<Endpoint, 'id' | 'client'>,
  status: EndpointStatus,
): Promise<void> {
  const reason = status === 'disabled' ? 'requested' : null;
  return changeStatus(client, endpoint, { status, reason });
}

/**
 * A secret whose key is lost, or that is damaged, cannot sign beside the new one. The current secret given again
 * changes nothing.
 *
 * @returns The new secret; undefined if there is no such endpoint.
 */
export async function rotateSecretOf(
  client: PoolClient,
  id: string,
  {
    secretBox,
    overlapHours,
    ...given
  }: {
    readonly secretBox: SecretBox;
    readonly overlapHours: number;
    readonly secret: string | undefined;
  },
): Promise<ChangedEndpoint | undefined> {
  const known = await lockEndpoint(client, id);
  if (known === undefined) return undefined;
  const secret = secretOf(given.secret);
  const sealed = seal(secret, { id, secretBox });
  const [current] = (await readForSending(client, id, ['enabled', 'disabled']))?.secrets ?? [];
  const before = current === undefined ? undefined : tryOpen(current, { id, secretBox });
  // As after a lost answer. Otherwise the receiver's own secret would not sign any more.
  if (before === secret) return { endpoint: known, secret };
  const previousUntil = before === undefined ? null : new Date(Date.now() + overlapHours * HOUR_MS);
  await rotateSecret(client, id, { secret: sealed, previousUntil });
  return { endpoint: (await readEndpoint(client, id)) ?? known, secret };
}

function tryOpen(
  sealed: Buffer,
  { id, secretBox }: { readonly id: string; readonly secretBox: SecretBox },
): string | undefined {
  try {
    return secretBox.open(sealed, id);
  } catch {
    return undefined;
  }
}

/**
 * Deletes an endpoint; what is pending has failed then. What a busy Postgres leaves of it fails when the
 * id is used again.
 *
 * @returns Whether there was one.
 */
export async function removeEndpoint(pool: Pick<Pool, 'connect'>, id: string): Promise<boolean> {
  const isKnown = await withTransaction(pool, async (client) => {
    if ((await lockEndpoint(client, id)) === undefined) return false;
    await deleteEndpoint(client, id);
    return true;
  });
  if (isKnown) await closePending(pool, id).catch(passTransient);
  return isKnown;
}

/** The endpoint is deleted all the same. */
function passTransient(error: unknown): void {
  if (!(error instanceof TransientError)) throw error;
}

/** In steps that commit by themselves, because there may be many. */
async function closePending(pool: Pick<Pool, 'connect'>, id: string): Promise<void> {
  for (;;) {
    const closed = await withTransaction(pool, (client) =>
      failPending(client, id, CLOSED_AT_A_TIME),
    );
    if (closed < CLOSED_AT_A_TIME) return;
  }
}

/** @throws ProblemError 409 There is no key to encrypt or decrypt a secret with. */
export function withKeys<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof FatalError) || error.code !== 'PULSE_DELIVERY_SECRET_KEY') throw error;
    throw new ProblemError(DELIVERY_PROBLEMS.PULSE_API_NO_SECRET_KEY, {
      detail:
        'WEBHOOK_SECRET_KEYS is not set, or lacks the key of this secret. Set it for every process of Pulse, and ' +
        'send the request again.',
      cause: error,
    });
  }
}

function seal(
  secret: string,
  { id, secretBox }: { readonly id: string; readonly secretBox: SecretBox },
): Buffer {
  return withKeys(() => secretBox.seal(secret, id));
}

function secretOf(given: string | undefined): string {
  if (given === undefined) return newSecret();
  if (parseSecret(given) !== undefined) return given;
  throw invalidField('secret', 'must be `whsec_` and 24 to 64 bytes in base64');
}

function checkUrl(url: string, { guard }: ChangeEndpointDeps): void {
  const checked = guard.checkUrl(url);
  if (!checked.ok) throw invalidField('url', checked.detail);
}

function tooMany(detail: string): ProblemError {
  return new ProblemError(DELIVERY_PROBLEMS.PULSE_API_TOO_MANY_ENDPOINTS, { detail });
}

function otherClient(mayKnow: boolean): ProblemError {
  if (mayKnow) {
    return new ProblemError(DELIVERY_PROBLEMS.PULSE_API_ENDPOINT_CLIENT, {
      detail:
        'Choose another id. That of a deleted endpoint stays with its client as long as its deliveries are kept.',
    });
  }
  return noEndpoint();
}

/** The answer where there is none, and where the caller may not see it. */
export function noEndpoint(): ProblemError {
  return new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, {
    detail: 'There is no endpoint with this id.',
  });
}
