/** What bulk replays and discards ask the API. */
import { api, dataOf } from '../../api/client.ts';
import { MISSING, waitingAgain } from './bulk-again.ts';
import { receivedBefore, runSteps, type BulkOutcome } from './bulk-run.ts';
import { sessionSignal } from '../../api/session.ts';
import { digits } from '../../parts/words.ts';
import type { DeadLetterRow, Filters } from './dead-letter-queries.ts';

export type BulkKind = 'replay' | 'discard';

export interface DryRun {
  readonly matched: number;
  readonly by_reason: Readonly<Record<string, number>>;
  /** The oldest. */
  readonly first: readonly DeadLetterRow[];
  /** Those that were given, for what was received before the dry run. */
  readonly filters: Filters & { readonly to: string };
}

interface BulkRun {
  /** Of the dry run. */
  readonly filters: Filters;
  /** Of discards. */
  readonly note: string;
  /** Of replays. */
  readonly evenIfForgotten: boolean;
  /** How many the caller has confirmed. */
  readonly total: number;
  readonly signal: AbortSignal;
  readonly onProgress: (doneCount: number) => void;
}

/** What one request may take. A replay of as many stays well below the limit of its time. */
const STEP = 1_000;

export async function dryRun(kind: BulkKind, given: Filters): Promise<DryRun> {
  const filters = receivedBefore(given, await readClock());
  const found =
    kind === 'replay'
      ? await dataOf(
          api.POST('/api/v1/dead-letters/replay', { body: { ...filters, dry_run: true } }),
        )
      : await dataOf(
          api.POST('/api/v1/dead-letters/discard', {
            body: { ...filters, note: 'dry run', dry_run: true },
          }),
        );
  return { ...found, filters };
}

/** The time of the API. */
async function readClock(): Promise<string> {
  const { response } = await api.GET('/api/v1/me', { cache: 'no-store' });
  const date = response.headers.get('date') ?? '';
  if (Number.isNaN(Date.parse(date))) throw new Error('The API does not say what time it is.');
  return date;
}

export function runBulk(kind: BulkKind, run: BulkRun): Promise<BulkOutcome> {
  return kind === 'replay' ? replayAll(run) : discardAll(run);
}

/** Looks for some seconds. @returns A sentence about how many were refused again. */
export async function lookAgain(found: DryRun, outcome: BulkOutcome): Promise<string> {
  const session = sessionSignal();
  const again = await waitingAgain(outcome, found.matched, {
    countNow: async () => {
      session.throwIfAborted();
      const body = { ...found.filters, dry_run: true };
      return (await dataOf(api.POST('/api/v1/dead-letters/replay', { body }))).matched;
    },
    wait: (ms) =>
      new Promise((resolve) => {
        setTimeout(resolve, ms);
      }),
  });
  const sent = `${digits(outcome.done)} replayed.`;
  if (again === 0) return `${sent} None of them waits here again.`;
  return again === 1
    ? `${sent} 1 waits here again: it was refused.`
    : `${sent} ${digits(again)} wait here again: they were refused.`;
}

function replayAll({ filters, evenIfForgotten, ...run }: BulkRun): Promise<BulkOutcome> {
  let done = 0;
  let after: string | undefined;
  return runSteps({ ...run, stepMax: STEP }, async (limit) => {
    const body = { ...filters, limit, even_if_forgotten: evenIfForgotten };
    const answer = await dataOf(
      api.POST('/api/v1/dead-letters/replay', {
        body: { ...body, ...(after === undefined ? {} : { after }) },
      }),
    );
    // One that was overtaken was sent as well, and has been refused again already.
    const sent = answer.replayed + answer.overtaken;
    done += sent;
    if (answer.error !== null) {
      throw new Error(`${answer.error} ${done} of ${run.total} are replayed.`);
    }
    after = answer.next ?? undefined;
    return {
      done: sent,
      leftOut: {
        'may be forgotten': answer.forgotten,
        'with a full history': answer.full,
        'without a queue': answer.unroutable,
        [MISSING]: answer.missing,
      },
      isLast: after === undefined,
    };
  });
}

function discardAll({ filters, note, ...run }: BulkRun): Promise<BulkOutcome> {
  return runSteps({ ...run, stepMax: STEP }, async (limit) => {
    const { discarded } = await dataOf(
      api.POST('/api/v1/dead-letters/discard', { body: { ...filters, note, limit } }),
    );
    return { done: discarded, leftOut: {}, isLast: discarded === 0 };
  });
}
