/** Limits on work in progress in this process, shared between tenants so that none can take all of it. */
import { shareOf, type TenantScope } from '../core/tenant-scope.ts';
import { HTTP_PROBLEMS, ProblemError, type ProblemKind } from './problems.ts';

export interface TenantLimitOptions {
  /** The work, for the answers, such as `exports`. */
  readonly what: string;
  /** How much of it the callers of one tenant may have in progress; beyond it the answer is 429. */
  readonly perTenant: number;
  /** How much of it all callers may have; beyond it the answer is 503. */
  readonly total: number;
  /** Instead of 429. */
  readonly tenantProblem?: ProblemKind;
}

export interface TenantLimit {
  /**
   * Starts a piece of work for a caller with this scope.
   *
   * @returns What to call when the work is over. Calling it again does nothing.
   * @throws ProblemError 429 or 503, each with Retry-After.
   */
  enter(tenants: TenantScope): () => void;
}

const RETRY_AFTER = { 'retry-after': '5' };

export function createTenantLimit({
  what,
  perTenant,
  total,
  tenantProblem = HTTP_PROBLEMS.PULSE_API_TOO_MANY_REQUESTS,
}: TenantLimitOptions): TenantLimit {
  const byShare = new Map<string, number>();
  let count = 0;
  return {
    enter(tenants) {
      const share = shareOf(tenants);
      const own = byShare.get(share) ?? 0;
      if (own >= perTenant) {
        throw new ProblemError(tenantProblem, {
          detail: `Too many ${what} are in progress for your tenant: the limit is ${perTenant}.`,
          headers: RETRY_AFTER,
        });
      }
      if (count >= total) {
        throw new ProblemError(HTTP_PROBLEMS.PULSE_API_BUSY, {
          detail: `Too many ${what} are in progress: the limit is ${total}.`,
          headers: RETRY_AFTER,
        });
      }
      byShare.set(share, own + 1);
      count += 1;
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        const left = (byShare.get(share) ?? 1) - 1;
        if (left === 0) byShare.delete(share);
        else byShare.set(share, left);
        count -= 1;
      };
    },
  };
}
