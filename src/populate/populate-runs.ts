/** The populate runs of this process; their progress is stored in Postgres, where every process can read it. */
import type { Pool } from 'pg';
import { backoffDelayMs, sleep } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import { NO_TRACING, type Tracing } from '../platform/tracing.ts';
import {
  findPopulateRun,
  insertPopulateRun,
  updatePopulateRun,
  type StoredPopulateRun,
} from './populate-runs-query.ts';
import {
  startPopulateRun,
  type PopulateProgress,
  type PopulateRequest,
  type PopulateRun,
} from './populate.ts';

export interface PopulateRunsDeps {
  readonly pool: Pick<Pool, 'query'>;
  readonly rabbitmqUrl: string;
  readonly queue: string;
  readonly logger: Logger;
  readonly tracing?: Tracing;
}

export interface PopulateRuns {
  /** Starts a run in the background and returns it as it stands. */
  start(request: PopulateRequest & { readonly requestedBy: string }): Promise<StoredPopulateRun>;
  /** A run of any process; `interrupted` when it has stopped reporting. `id` must be a UUID. */
  find(id: string): Promise<StoredPopulateRun | undefined>;
  /** Over all runs of this process, finished or not. */
  totals(): PopulateTotals;
  /** Cancels the runs of this process and waits until that is stored; some seconds at most. */
  close(): Promise<void>;
}

/** Pulses of all runs of a process. */
export interface PopulateTotals {
  /** Runs in progress. */
  readonly running: number;
  readonly wanted: number;
  readonly published: number;
  readonly confirmed: number;
  readonly retried: number;
}

const SAVE_INTERVAL_MS = 500;
const FINAL_SAVE = { attempts: 5, baseMs: 200, capMs: 2_000 };

export function createPopulateRuns(deps: PopulateRunsDeps): PopulateRuns {
  const { pool, rabbitmqUrl, queue, logger, tracing = NO_TRACING } = deps;
  const running = new Map<PopulateRun, Promise<void>>();
  let ended: PopulateTotals = { running: 0, wanted: 0, published: 0, confirmed: 0, retried: 0 };
  return {
    async start({ requestedBy, ...request }) {
      const run = startPopulateRun({ url: rabbitmqUrl, queue, logger, tracing }, request);
      logger.info({ runId: run.id, requestedBy, ...request }, 'populate run started');
      try {
        const stored = await insertPopulateRun(pool, run.progress());
        const saved = saveUntilDone(run, deps).finally(() => {
          ended = addRun(ended, run.progress());
          running.delete(run);
        });
        running.set(run, saved);
        return stored;
      } catch (error) {
        // Without its row no caller could ask about the run.
        run.cancel();
        throw error;
      }
    },
    find: (id) => findPopulateRun(pool, id),
    totals() {
      const totals = [...running.keys()].map((run) => run.progress()).reduce(addRun, ended);
      return { ...totals, running: running.size };
    },
    async close() {
      for (const run of running.keys()) run.cancel();
      await Promise.all(running.values());
    },
  };
}

function addRun(totals: PopulateTotals, run: PopulateProgress): PopulateTotals {
  return {
    running: totals.running,
    wanted: totals.wanted + run.total,
    published: totals.published + run.published,
    confirmed: totals.confirmed + run.confirmed,
    retried: totals.retried + run.retried,
  };
}

/** Never rejects: the run goes on while Postgres is unavailable. */
async function saveUntilDone(run: PopulateRun, deps: PopulateRunsDeps): Promise<void> {
  const { logger } = deps;
  const ended = new AbortController();
  const done = run.done.then((progress) => {
    ended.abort();
    return progress;
  });
  for (;;) {
    await sleep(SAVE_INTERVAL_MS, ended.signal);
    if (ended.signal.aborted) break;
    await trySave(run.progress(), deps);
  }
  const last = await done;
  logger.info({ runId: last.id, state: last.state, ...countsOf(last) }, 'populate run ended');
  for (let attempt = 0; attempt < FINAL_SAVE.attempts; attempt++) {
    if (await trySave(last, deps)) return;
    await sleep(backoffDelayMs(attempt, FINAL_SAVE));
  }
}

function countsOf({ published, confirmed, retried }: PopulateProgress) {
  return { published, confirmed, retried };
}

async function trySave(
  progress: PopulateProgress,
  { pool, logger }: PopulateRunsDeps,
): Promise<boolean> {
  try {
    await updatePopulateRun(pool, progress);
    return true;
  } catch (error) {
    logger.warn({ err: error, runId: progress.id }, 'progress of a populate run was not saved');
    return false;
  }
}
