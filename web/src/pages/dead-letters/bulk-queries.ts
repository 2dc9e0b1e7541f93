/** Bulk replays and discards: one request after another until all that were confirmed are done. */
import { api, dataOf } from '../../api/client.ts';
import type { DeadLetterRow, Filters } from './dead-letter-queries.ts';

export type BulkKind = 'replay' | 'discard';

export interface DryRun {
  readonly matched: number;
  readonly by_reason: Readonly<Record<string, number>>;
  /** The oldest. */
  readonly first: readonly DeadLetterRow[];
}

export interface BulkOutcome {
  readonly done: number;
  /** Why the others were left, and how many. */
  readonly leftOut: readonly (readonly [why: string, count: number])[];
}

interface BulkRun {
  readonly filters: Filters;
  /** Of discards. */
  readonly note: string;
  /** Of replays. */
  readonly evenIfForgotten: boolean;
  /** How many the caller has confirmed. */
  readonly total: number;
  readonly onProgress: (doneCount: number) => void;
}

/** What one request may take. A replay of as many stays well below the limit of its time. */
const STEP = 1_000;

export function dryRun(kind: BulkKind, filters: Filters): Promise<DryRun> {
  return kind === 'replay'
    ? dataOf(api.POST('/api/v1/dead-letters/replay', { body: { ...filters, dry_run: true } }))
    : dataOf(
        api.POST('/api/v1/dead-letters/discard', {
          body: { ...filters, note: 'dry run', dry_run: true },
        }),
      );
}

export function runBulk(kind: BulkKind, run: BulkRun): Promise<BulkOutcome> {
  return kind === 'replay' ? replayAll(run) : discardAll(run);
}

async function replayAll({
  filters,
  evenIfForgotten,
  total,
  onProgress,
}: BulkRun): Promise<BulkOutcome> {
  const left = { 'changed meanwhile': 0, 'may be forgotten': 0, 'with a full history': 0 };
  const alsoLeft = { 'without a queue': 0, missing: 0 };
  let [done, seen] = [0, 0];
  let after: string | undefined;
  do {
    const limit = Math.min(STEP, total - seen);
    const body = { ...filters, limit, even_if_forgotten: evenIfForgotten };
    const answer = await dataOf(
      api.POST('/api/v1/dead-letters/replay', {
        body: { ...body, ...(after === undefined ? {} : { after }) },
      }),
    );
    done += answer.replayed;
    left['changed meanwhile'] += answer.overtaken;
    left['may be forgotten'] += answer.forgotten;
    left['with a full history'] += answer.full;
    alsoLeft['without a queue'] += answer.unroutable;
    alsoLeft.missing += answer.missing;
    const { replayed, overtaken, forgotten, full, unroutable, missing } = answer;
    seen += replayed + overtaken + forgotten + full + unroutable + missing;
    onProgress(seen);
    if (answer.error !== null) throw new Error(`${answer.error} ${done} of ${total} are replayed.`);
    after = answer.next ?? undefined;
  } while (after !== undefined && seen < total);
  const leftOut = Object.entries({ ...left, ...alsoLeft }).filter(([, number]) => number > 0);
  return { done, leftOut };
}

async function discardAll({ filters, note, total, onProgress }: BulkRun): Promise<BulkOutcome> {
  let done = 0;
  let step: number;
  do {
    const limit = Math.min(STEP, total - done);
    const { discarded } = await dataOf(
      api.POST('/api/v1/dead-letters/discard', { body: { ...filters, note, limit } }),
    );
    step = discarded;
    done += discarded;
    onProgress(done);
  } while (step > 0 && done < total);
  return { done, leftOut: [] };
}
