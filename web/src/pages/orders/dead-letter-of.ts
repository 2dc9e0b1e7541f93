/** Finds the dead letter of a failed order: it names the order in its body, and comes right after a failure. */
import { lossyTextOf, type SentBody } from '../../parts/body-text.ts';
import type { components } from '../../api/schema.d.ts';

type Order = Pick<components['schemas']['Order'], 'id' | 'history' | 'updated_at'>;
type Row = Pick<components['schemas']['DeadLetterRow'], 'id' | 'queue' | 'state'>;

export interface Span {
  readonly from: string;
  readonly to: string;
}

interface Reads {
  /** Newest first. */
  readonly list: (span: Span) => Promise<readonly Row[]>;
  readonly body: (id: string) => Promise<SentBody>;
}

const BEFORE_MS = 5_000;
const AFTER_MS = 600_000;
/** Each is asked for its body. */
const LOOKED_AT_MAX = 50;
/** Those of a replay that fails again and again have one dead letter. */
const FAILURES_MAX = 5;

/**
 * One that is refused again keeps the time at which it first came, so it may be that of any failure.
 *
 * @returns When to look for it: after the newest failure, the first, and then some between, the newest first.
 */
export function failureSpans({ history, updated_at }: Order): readonly Span[] {
  const failures = history.filter(({ status }) => status === 'failed').map(({ at }) => at);
  const first = failures.shift();
  const last = failures.pop();
  const times = [last, first, ...failures.reverse()].filter((at) => at !== undefined);
  return (times.length === 0 ? [updated_at] : times.slice(0, FAILURES_MAX)).map((at) => ({
    from: new Date(Date.parse(at) - BEFORE_MS).toISOString(),
    to: new Date(Date.parse(at) + AFTER_MS).toISOString(),
  }));
}

/** @returns The id of the one that waits, else of the newest that does not; null when there is none. */
export async function findDeadLetter(order: Order, { list, body }: Reads): Promise<string | null> {
  let other: string | null = null;
  const seen = new Set<string>();
  for (const span of failureSpans(order)) {
    const candidates = (await list(span)).filter(
      ({ id, queue }) => queue?.includes('orders.') === true && !seen.has(id),
    );
    // That of the order came soonest.
    for (const { id, state } of candidates.reverse().slice(0, LOOKED_AT_MAX)) {
      seen.add(id);
      if (!lossyTextOf(await body(id)).includes(`"${order.id}"`)) continue;
      if (state === 'quarantined') return id;
      other ??= id;
    }
  }
  return other;
}
