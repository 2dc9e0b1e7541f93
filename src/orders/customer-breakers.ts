/**
 * A circuit breaker for each customer, so that orders of one that the external service always fails on suspend no calls
 * for the orders of others.
 */
import {
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
  type CircuitBreakerPolicy,
} from 'cockatiel';
import { TransientError } from '../core/errors.ts';

const FAILURES_IN_A_ROW = 5;
export const OPEN_MS = 10_000;
/** Those that were used last; the others have counted no failures when they are used again. */
const KEPT_MAX = 1_000;
/** What waits for a retry comes back sooner, so nothing of the customer waits any more. */
const UNUSED_MS_MAX = 10 * 60_000;

export interface CustomerBreakers {
  /** Whether the calls of any customer are suspended. */
  readonly isAnyOpen: boolean;
  of(customerId: string): CircuitBreakerPolicy;
}

export function createCustomerBreakers(on: {
  readonly suspended: (customerId: string) => void;
  readonly resumed: (customerId: string) => void;
}): CustomerBreakers {
  /** The one that was used last is the last. */
  const kept = new Map<
    string,
    { readonly breaker: CircuitBreakerPolicy; readonly usedAtMs: number }
  >();

  function create(customerId: string): CircuitBreakerPolicy {
    // An order that is refused says nothing about the service.
    const breaker = circuitBreaker(
      handleWhen((error) => error instanceof TransientError),
      { halfOpenAfter: OPEN_MS, breaker: new ConsecutiveBreaker(FAILURES_IN_A_ROW) },
    );
    breaker.onBreak(() => {
      on.suspended(customerId);
    });
    breaker.onReset(() => {
      on.resumed(customerId);
    });
    return breaker;
  }

  function forgetUnused(): void {
    for (const [customerId, { usedAtMs }] of kept) {
      if (kept.size <= KEPT_MAX && Date.now() - usedAtMs <= UNUSED_MS_MAX) break;
      kept.delete(customerId);
    }
  }

  return {
    get isAnyOpen() {
      forgetUnused();
      return [...kept.values()].some(({ breaker }) => breaker.state !== CircuitState.Closed);
    },
    of(customerId) {
      const breaker = kept.get(customerId)?.breaker ?? create(customerId);
      kept.delete(customerId);
      kept.set(customerId, { breaker, usedAtMs: Date.now() });
      forgetUnused();
      return breaker;
    },
  };
}
