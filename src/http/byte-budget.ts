/** Limits the bytes that this process holds for its callers: for each caller, each tenant, and all together. */
import type { FastifyRequest } from 'fastify';
import { shareOf } from '../core/tenant-scope.ts';
import { actorNameOf, type Caller } from './caller.ts';
import { HTTP_PROBLEMS, ProblemError } from './problems.ts';

export interface ByteBudgetOptions {
  /** What one caller may hold; beyond it the answer is 429. */
  readonly callerBytesMax: number;
  /** What all may hold; beyond it the answer is 503. */
  readonly bytesMax: number;
}

/** Who pays for bytes. */
export interface ByteOwner {
  readonly caller: string;
  /** Callers of one tenant have the same. */
  readonly share: string;
}

export interface ByteBudget {
  openLease(owner: ByteOwner): ByteLease;
  /** @throws ProblemError 429 if the caller, or its tenant, holds more than half of what it may. */
  refuseAboveHalf(owner: ByteOwner): void;
}

/** The bytes of one request. */
export interface ByteLease {
  /** Does nothing after `close`. @throws ProblemError 429 or 503, each with Retry-After; then the bytes are not added. */
  add(bytes: number): void;
  close(): void;
}

const RETRY_AFTER = { 'retry-after': '1' };

/**
 * Creates a budget. A tenant may hold as much as would remain free for others: alone half of `bytesMax`, beside one
 * other a third. So no number of tenants can take everything, and a tenant that holds nothing always finds room.
 * A request is never refused while it is the only one.
 *
 * @param what What is limited, in the plural, for the text of a refusal.
 */
export function createByteBudget(options: ByteBudgetOptions, what: string): ByteBudget {
  const { callerBytesMax, bytesMax } = options;
  const byCaller = new Map<string, number>();
  const byShare = new Map<string, number>();
  let total = 0;

  const refusal = ({ caller, share }: ByteOwner, held: number, more: number) => {
    if (total === held) return undefined;
    const ofCaller = byCaller.get(caller) ?? 0;
    if (ofCaller > held && ofCaller + more > callerBytesMax) return tooMuch(`Your ${what}`);
    const ofShare = byShare.get(share) ?? 0;
    const free = bytesMax - total - more;
    if (ofShare > 0 && ofShare + more > free) return tooMuch(`The ${what} of your tenant`);
    return free < 0 ? busy(`The ${what}`) : undefined;
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
    refuseAboveHalf({ caller, share }) {
      if (2 * (byCaller.get(caller) ?? 0) > callerBytesMax) throw tooMuch(`Your ${what}`);
      const ofShare = byShare.get(share) ?? 0;
      if (ofShare > 0 && 2 * ofShare > bytesMax - total) {
        throw tooMuch(`The ${what} of your tenant`);
      }
    },
  };
}

function changeCount(counts: Map<string, number>, key: string, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

function tooMuch(what: string): ProblemError {
  return new ProblemError(HTTP_PROBLEMS.PULSE_API_TOO_MANY_REQUESTS, {
    detail: `${what} are too large together. Try again later.`,
    headers: RETRY_AFTER,
  });
}

function busy(what: string): ProblemError {
  return new ProblemError(HTTP_PROBLEMS.PULSE_API_BUSY, {
    detail: `${what} are too large together. Try again later.`,
    headers: RETRY_AFTER,
  });
}

/** The caller, or on public routes the address. */
export function ownerOf(request: FastifyRequest): ByteOwner {
  // Typed as always present, but null on public routes, whose callers share one part of the budget.
  const user = request.user as Caller | null;
  if (user === null) return { caller: `address:${request.ip}`, share: 'public' };
  return { caller: actorNameOf(user), share: shareOf(user.tenants) };
}
