/** Many dead letters, one request after another, until all that were confirmed are done or somebody stops it. */

export interface BulkOutcome {
  readonly done: number;
  /** Why the others were left, and how many. */
  readonly leftOut: readonly (readonly [why: string, count: number])[];
  /** Before all were done. */
  readonly isStopped: boolean;
}

export interface BulkStep {
  readonly done: number;
  readonly leftOut: Readonly<Record<string, number>>;
  /** Nothing more matches. */
  readonly isLast: boolean;
}

interface StepsOptions {
  /** How many the caller has confirmed. */
  readonly total: number;
  /** What one request may take. */
  readonly stepMax: number;
  /** Ends it before the next request. The one under way is let finish, so that its result is known. */
  readonly signal: AbortSignal;
  readonly onProgress: (seenCount: number) => void;
}

export async function runSteps(
  { total, stepMax, signal, onProgress }: StepsOptions,
  step: (limit: number) => Promise<BulkStep>,
): Promise<BulkOutcome> {
  const left = new Map<string, number>();
  let [done, seen, isLast] = [0, 0, false];
  while (!isLast && seen < total && !signal.aborted) {
    const found = await step(Math.min(stepMax, total - seen));
    done += found.done;
    seen += found.done;
    for (const [why, number] of Object.entries(found.leftOut)) {
      if (number > 0) left.set(why, (left.get(why) ?? 0) + number);
      seen += number;
    }
    isLast = found.isLast;
    onProgress(seen);
  }
  return { done, leftOut: [...left], isStopped: !isLast && seen < total };
}

/**
 * The filters of what was received before a moment, so that what arrives later stays out.
 *
 * @param now An HTTP date of the API, which has no better clock: it is to the second and never ahead, so it leaves out
 * what has arrived in the last second. The browser's clock may be ahead.
 */
export function receivedBefore<Filters extends { readonly to?: string }>(
  filters: Filters,
  now: string,
): Filters & { readonly to: string } {
  const { to } = filters;
  // What is no time goes to the API, which says so.
  const isEarlier = to !== undefined && !(Date.parse(to) > Date.parse(now));
  return { ...filters, to: isEarlier ? to : new Date(now).toISOString() };
}
