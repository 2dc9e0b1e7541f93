/**
 * Sends the pulses of one request, in these steps:
 *
 * 1. Claim the Idempotency-Key, if there is one, which fixes the seed of the ids in Postgres. If the process dies
 *    after this, the next request with the key continues from here with the same ids.
 * 2. Check each pulse, whether it may begin a new sum if it does, and give it an id if it has none.
 * 3. Publish the accepted ones and wait for the confirms. If the process dies during or after this, pulses that are
 *    sent again have the same ids (their own, or those of the seed), and ingest counts each once.
 * 4. Store the outcomes under the key, and answer.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { TenantScope } from '../core/tenant-scope.ts';
import { uuidV7 } from '../core/uuid.ts';
import type { BodyLimits } from '../contract/parse-body.ts';
import type { Logger } from '../platform/logger.ts';
import { checkPulse, type CheckedPulse } from './check-pulse.ts';
import {
  refuseConflict,
  type IdempotencyKeys,
  type IdSeed,
  type KeyedRequest,
} from '../http/idempotency-keys.ts';
import { packOutcomes, unpackOutcomes } from './kept-outcomes.ts';
import type { NewSums } from './new-sums.ts';
import { publishPulses, type PublishDeps } from './publish-pulses.ts';
import type { SendOutcome, SentPulse } from './sent-pulse.ts';

export interface SendDeps {
  readonly keys: IdempotencyKeys;
  readonly publish: PublishDeps['publish'];
  readonly queue: string;
  readonly limits: BodyLimits;
  readonly newSums: NewSums;
}

export interface SendRequest {
  readonly pulses: readonly SentPulse[];
  readonly tenants: TenantScope;
  /** Kind and name. */
  readonly caller: string;
  readonly keyed: KeyedRequest | undefined;
  readonly receivedAtMs: number;
  readonly log: Pick<Logger, 'warn'>;
}

export interface SendAnswer {
  readonly outcomes: readonly SendOutcome[];
  /** Whether the outcomes are those of an earlier request with the same key. */
  readonly replayed: boolean;
}

const UNCONFIRMED = {
  code: 'unconfirmed',
  reason: 'RabbitMQ did not confirm it. Send it again with this id; it is counted once.',
} as const;

/**
 * Sends the pulses of one request and returns the outcome of each.
 *
 * @throws ProblemError 409 or 422 because of the key.
 * @throws TransientError There is a key and Postgres is unavailable; nothing was published.
 */
export async function sendPulses(deps: SendDeps, request: SendRequest): Promise<SendAnswer> {
  const { keyed, receivedAtMs } = request;
  if (keyed === undefined) {
    const newId = (): string => uuidV7(receivedAtMs, randomBytes(10));
    return { outcomes: await checkAndPublish(deps, request, newId), replayed: false };
  }
  const claim = await deps.keys.claim(keyed, randomBytes(16));
  refuseConflict(claim);
  const { seed } = claim;
  if (claim.state === 'claimed') {
    return { outcomes: await sendClaimed(deps, request, keyed, seed), replayed: false };
  }
  const newId = (index: number): string => idAt(seed, index);
  return { outcomes: unpackOutcomes(claim.answer, request.pulses, newId), replayed: true };
}

async function sendClaimed(
  deps: SendDeps,
  request: SendRequest,
  keyed: KeyedRequest,
  seed: IdSeed,
): Promise<SendOutcome[]> {
  let outcomes: SendOutcome[] | undefined;
  try {
    outcomes = await checkAndPublish(deps, request, (index) => idAt(seed, index));
    return outcomes;
  } finally {
    const isFinal = outcomes?.every(({ status }) => status !== 'unconfirmed') === true;
    const answer = isFinal && outcomes ? packOutcomes(outcomes) : undefined;
    const settle =
      answer === undefined ? deps.keys.release(keyed) : deps.keys.answer(keyed, answer);
    // Not fatal: the pulses are published, and without this row a retry publishes the same ids.
    await settle.catch((error: unknown) => {
      request.log.warn({ err: error }, 'idempotency key left claimed');
    });
  }
}

async function checkAndPublish(
  deps: SendDeps,
  request: SendRequest,
  newId: (index: number) => string,
): Promise<SendOutcome[]> {
  const { limits, queue, publish, newSums } = deps;
  const { pulses, tenants, receivedAtMs } = request;
  const checked = pulses.map((pulse, index) => {
    const context = { limits, receivedAtMs, tenants, newId: () => newId(index) };
    return refuseNewSum(checkPulse(pulse, context), newSums, request);
  });
  const accepted = checked.filter((pulse) => pulse.ok);
  const confirmed = await publishPulses(
    accepted.map(({ text }) => text),
    { publish, queue, bodyBytesMax: limits.bodyBytesMax },
    randomUUID,
  );
  let place = 0;
  return checked.map((pulse, index) => {
    if (!pulse.ok) return { index, status: 'rejected', ...pulse.refusal };
    const { id } = pulse;
    if (confirmed[place++] === true) return { index, status: 'accepted', id };
    return { index, status: 'unconfirmed', id, ...UNCONFIRMED };
  });
}

/** The pulse, or its refusal because it would begin one sum too many. */
function refuseNewSum(checked: CheckedPulse, newSums: NewSums, sender: SendRequest): CheckedPulse {
  if (!checked.ok) return checked;
  const reason = newSums.refusalOf(checked.key, sender, sender.receivedAtMs);
  if (reason === undefined) return checked;
  return { ok: false, refusal: { field: checked.fields.body, code: 'too_many_sums', reason } };
}

/** Deterministic, and unpredictable without the seed. */
function idAt({ timeMs, bits }: IdSeed, index: number): string {
  return uuidV7(timeMs, createHash('sha256').update(bits).update(String(index)).digest());
}
