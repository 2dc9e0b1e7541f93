/**
 * Limits the bytes that this process holds for its callers: for each caller, each tenant, and all together. Strangers,
 * who call public routes, have a budget of their own: for each network, and all together.
 */
import type { FastifyRequest } from 'fastify';
import { addressNetwork } from '../core/address-group.ts';
import { shareOf } from '../core/tenant-scope.ts';
import { actorNameOf, type Caller } from './caller.ts';
import { HTTP_PROBLEMS, ProblemError, type ProblemKind } from './problems.ts';

export interface ByteBudgetOptions {
  /** What one caller may hold; beyond it the answer is 429. */
  readonly callerBytesMax: number;
  /** What all may hold; beyond it the answer is 503. */
  readonly bytesMax: number;
}

/** Who pays for bytes. */
export interface ByteOwner {
  readonly caller: string;
  /** Callers of one tenant have the same, and strangers of one network. */
  readonly share: string;
}

export interface RequestBudgetOptions extends ByteBudgetOptions {
  /**
   * For requests on public routes, where a network is one caller. Default: as much as for the others.
   *
   * `bytesMax` / `callerBytesMax` networks that hold all they may still leave room for others. If there are more, those
   * that come first may take most of it: each half of what is free.
   */
  readonly strangers?: ByteBudgetOptions;
}

/** `ByteBudget` for requests. */
export interface RequestBudget {
  openLease(request: FastifyRequest): ByteLease;
  /** Does nothing for strangers. @throws ProblemError 429 if the caller, or its tenant, holds more than half of what it may. */
  refuseAboveHalf(request: FastifyRequest): void;
}

export interface ByteBudget {
  openLease(owner: ByteOwner): ByteLease;
  /**
   * @param ownerOf Called only if so much is held that it matters.
   * @throws ProblemError 429 if the caller, or its tenant, holds more than half of what it may.
   */
  refuseAboveHalf(ownerOf: () => ByteOwner): void;
}

/** The bytes of one request. */
export interface ByteLease {
  /** Does nothing after `close`. @throws ProblemError 429 or 503, each with Retry-After; then the bytes are not added. */
  add(bytes: number): void;
  close(): void;
}

const RETRY_AFTER = { 'retry-after': '1' };

/** Whose bytes are too large together, in the text of a refusal. */
interface Wording {
  readonly caller: string;
  readonly share: string;
  readonly all: string;
}

/** @param what What is limited, in the plural, for the text of a refusal. */
export function createRequestBudget(options: RequestBudgetOptions, what: string): RequestBudget {
  const all = `The ${what}`;
  const ofCallers = createByteBudget(options, {
    caller: `Your ${what}`,
    share: `The ${what} of callers with your tenants`,
    all,
  });
  const ofNetwork = `The ${what} of your network`;
  const ofStrangers = createByteBudget(options.strangers ?? options, {
    caller: ofNetwork,
    share: ofNetwork,
    all,
  });
  return {
    openLease: (request) =>
      (isStranger(request) ? ofStrangers : ofCallers).openLease(ownerOf(request)),
    refuseAboveHalf(request) {
      if (!isStranger(request)) ofCallers.refuseAboveHalf(() => ownerOf(request));
    },
  };
}

/**
 * Creates a budget. A tenant may hold as much as would remain free for others: alone half of `bytesMax`, beside one
 * other a third. So each tenant that comes takes half of what is free at most, and one that holds nothing finds room
 * as long as its request fits into what is free.
 * A request is never refused while it is the only one.
 */
export function createByteBudget(options: ByteBudgetOptions, wording: Wording): ByteBudget {
  const { callerBytesMax, bytesMax } = options;
  const byCaller = new Map<string, number>();
  const byShare = new Map<string, number>();
  let total = 0;

  const refusal = ({ caller, share }: ByteOwner, held: number, more: number) => {
    if (total === held) return undefined;
    const ofCaller = byCaller.get(caller) ?? 0;
    if (ofCaller > held && ofCaller + more > callerBytesMax)
      return tooLarge(PULSE_API_TOO_MANY_REQUESTS, wording.caller);
    const ofShare = byShare.get(share) ?? 0;
    const free = bytesMax - total - more;
    if (ofShare > 0 && ofShare + more > free)
      return tooLarge(PULSE_API_TOO_MANY_REQUESTS, wording.share);
    return free < 0 ? tooLarge(PULSE_API_BUSY, wording.all) : undefined;
  };

  const openLease = (owner: ByteOwner): ByteLease => {
    let held = 0;
    let isOpen = true;
    const change = (bytes: number): void => {
      held += bytes;
      total += bytes;
      changeCount(byCaller, owner.caller, bytes);
      changeCount(byShare, owner.share, bytes);
    };
    return {
      add(bytes) {
        if (!isOpen) return;
        const problem = refusal(owner, held, bytes);
        if (problem !== undefined) throw problem;
        change(bytes);
      },
      close() {
        isOpen = false;
        change(-held);
      },
    };
  };

  return {
    openLease,
    refuseAboveHalf(ownerOf) {
      if (2 * total <= callerBytesMax && 3 * total <= bytesMax) return;
      const { caller, share } = ownerOf();
      if (2 * (byCaller.get(caller) ?? 0) > callerBytesMax)
        throw tooLarge(PULSE_API_TOO_MANY_REQUESTS, wording.caller);
      const ofShare = byShare.get(share) ?? 0;
      if (ofShare > 0 && 2 * ofShare > bytesMax - total) {
        throw tooLarge(PULSE_API_TOO_MANY_REQUESTS, wording.share);
      }
    },
  };
}

function changeCount(counts: Map<string, number>, key: string, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

const { PULSE_API_TOO_MANY_REQUESTS, PULSE_API_BUSY } = HTTP_PROBLEMS;

function tooLarge(problem: ProblemKind, what: string): ProblemError {
  return new ProblemError(problem, {
    detail: `${what} are too large together. Try again later.`,
    headers: RETRY_AFTER,
  });
}

/** The caller, or on public routes the network. */
export function ownerOf(request: FastifyRequest): ByteOwner {
  const { user, ip } = request;
  if (isStranger(request)) return { caller: addressNetwork(ip), share: addressNetwork(ip) };
  return { caller: actorNameOf(user), share: shareOf(user.tenants) };
}

/** On public routes everybody is one. In spite of its type, `user` is null there. */
export function isStranger({ user }: { readonly user: Caller | null }): boolean {
  return user === null;
}
