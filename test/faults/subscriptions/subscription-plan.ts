/** What the users of a round of subscriptions do, and the log of it. */
import { randomUUID } from 'node:crypto';
import type { Random } from '../../../src/populate/random.ts';
import type { ChangeKind } from '../../../src/subscriptions/subscriptions.ts';
import { between, pick } from '../fault.ts';

/** Products: an order of both purchases a subscription of the first. */
export const RECURRING_SKU = 'plan';
export const PLAIN_SKU = 'thing';

/**
 * How a user asks:
 * - `named` by RPC, and its purchase chooses the id;
 * - `unnamed` by RPC, and Pulse chooses it;
 * - `ordered` by RPC, after an order has purchased it;
 * - `http` through the API.
 */
export type Way = 'named' | 'unnamed' | 'ordered' | 'http';

export interface Step {
  /** What happens. `withdraw` takes back the newest pending change, if there is one. */
  readonly act: 'cancel' | 'restart' | 'withdraw';
  readonly pauseMs: number;
  /** The change takes effect so much later. */
  readonly aheadMs: number | undefined;
  /** Two requests for the same change at once, of which at most one succeeds. */
  readonly isDoubled: boolean;
  readonly patience: Patience;
}

/** For how long a request is waited for, and whether it is sent again when the answer is late. */
export interface Patience {
  readonly waitMs: number;
  /** Nobody asks again before the end of the round. */
  readonly isGivenUp: boolean;
  /** It is sent once more at the end, although it was answered. */
  readonly isRepeated: boolean;
}

export interface UserPlan {
  readonly userId: string;
  readonly way: Way;
  readonly startMs: number;
  readonly aheadMs: number | undefined;
  readonly patience: Patience;
  readonly steps: readonly Step[];
}

/** An answer, as far as it is checked. */
export interface Answer {
  readonly ok: boolean;
  readonly code?: string;
  readonly subscription?: { readonly id: string; readonly status: string };
}

export interface Request {
  /** Its change says that it was made by this name, unless the API made it. */
  readonly name: string;
  readonly userId: string;
  readonly kind: ChangeKind;
  readonly way: Way;
  /** Or, over HTTP, its idempotency key. */
  readonly messageId: string;
  readonly body: { readonly id?: string; readonly effective_at?: string };
  readonly patience: Patience;
  readonly answers: Answer[];
  /** How often it was sent. */
  sentCount: number;
}

/** Undefined: Postgres did not tell. */
type Outcome = 'done' | 'refused' | undefined;

export interface OrderIntent {
  readonly id: string;
  readonly userId: string;
  outcome: Outcome;
}

export interface WithdrawalIntent {
  readonly name: string;
  readonly subscriptionId: string;
  readonly number: number;
  outcome: Outcome;
}

/** What was asked for, and what was answered. */
export interface SubscriptionLog {
  readonly users: readonly UserPlan[];
  readonly requests: Request[];
  readonly orders: OrderIntent[];
  readonly withdrawals: WithdrawalIntent[];
}

const AHEAD_MS = { least: 300, most: 2_000 };
const PATIENT_MS = 1_500;

export function planUsers(
  random: Random,
  { count, durationMs }: { readonly count: number; readonly durationMs: number },
): UserPlan[] {
  const ways: readonly Way[] = ['named', 'unnamed', 'ordered', 'http', 'http'];
  return Array.from({ length: count }, (_, index) => {
    const steps = between(1, 6, random);
    return {
      userId: `user-${index}`,
      way: pick(ways, random),
      startMs: between(0, Math.floor(durationMs / 2), random),
      aheadMs: planAhead(random),
      patience: planPatience(random),
      steps: Array.from({ length: steps }, (_step, place) =>
        planStep(random, { place, pauseMs: Math.floor(durationMs / 2 / steps) }),
      ),
    };
  });
}

function planStep(
  random: Random,
  { place, pauseMs }: { readonly place: number; readonly pauseMs: number },
): Step {
  // Cancellations and restarts take turns, mostly.
  const turn = (place + (random.below(8) === 0 ? 1 : 0)) % 2 === 0 ? 'cancel' : 'restart';
  return {
    act: random.below(6) === 0 ? 'withdraw' : turn,
    pauseMs: between(0, 2 * pauseMs, random),
    aheadMs: planAhead(random),
    isDoubled: random.below(6) === 0,
    patience: planPatience(random),
  };
}

function planAhead(random: Random): number | undefined {
  return random.below(4) === 0 ? between(AHEAD_MS.least, AHEAD_MS.most, random) : undefined;
}

function planPatience(random: Random): Patience {
  const isGivenUp = random.below(4) === 0;
  return {
    waitMs: isGivenUp ? between(1, 40, random) : PATIENT_MS,
    isGivenUp,
    isRepeated: random.below(4) === 0,
  };
}

/** A new request of a user, for the log. */
export function toRequest(
  { userId, way }: Pick<UserPlan, 'userId' | 'way'>,
  kind: ChangeKind,
  asked: {
    readonly id?: string | undefined;
    readonly aheadMs: number | undefined;
    readonly patience: Patience;
  },
): Request {
  const messageId = randomUUID();
  const name = `${userId} ${kind} ${messageId.slice(0, 8)}`;
  const { id, aheadMs, patience } = asked;
  return {
    ...{ name, userId, kind, way, messageId, patience, answers: [], sentCount: 0 },
    body: {
      ...(way === 'http' ? {} : { changed_by: name }),
      ...(kind === 'purchased' ? { user_id: userId, sku: RECURRING_SKU } : {}),
      ...(id === undefined ? {} : { id }),
      ...(aheadMs === undefined
        ? {}
        : { effective_at: new Date(Date.now() + aheadMs).toISOString() }),
    },
  };
}
