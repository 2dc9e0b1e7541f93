/** The exporter: claims exports and makes their files. Any number of processes may run one, on the same folder. */
import type { Pool } from 'pg';
import { toError } from '../core/errors.ts';
import { shareOf } from '../core/tenant-scope.ts';
import { backoffDelayMs, waitAtMost } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import { startWatch } from '../platform/watch.ts';
import { announceReady } from './announce-ready.ts';
import { ExportFailure, LeaseLostError, scopeOf, type Export } from './exports.ts';
import { claimExport, failExport, releaseExport } from './lease-query.ts';
import { runExport, type RunExportDeps } from './run-export.ts';
import { sweepExports } from './sweep-exports.ts';

export type ExportOutcome = 'ready' | 'failed' | 'lost' | 'released';

interface ExporterDeps extends Omit<RunExportDeps, 'leaseMs' | 'onReady'> {
  readonly prefix: string;
  readonly logger: Logger;
  readonly leaseMs?: number;
  readonly onEnd: (outcome: ExportOutcome, ended: { readonly rows: number }) => void;
}

export interface Exporter {
  /** Stops claiming, gives back what is in progress, and waits for that at most `timeoutMs`. */
  close(timeoutMs: number): Promise<void>;
}

const CLAIM_MS = 500;
const SWEEP_MS = 60_000;
const LEASE_MS = 30_000;
/** Exports in progress in one process, each of another share: one may take an hour, and others must not wait for it. */
const RUNNING_MAX = 2;
/** A claim whose process died counts as an attempt too. */
const ATTEMPTS_MAX = 10;
const RETRY = { baseMs: 1_000, capMs: 60_000 };

export function startExporter({ leaseMs = LEASE_MS, ...given }: ExporterDeps): Exporter {
  const onReady: RunExportDeps['onReady'] = (client, ready) =>
    announceReady(client, given.prefix, ready);
  const deps = { ...given, leaseMs, onReady };
  const { pool, logger } = deps;
  const stopping = new AbortController();
  const running = new Map<string, Promise<void>>();
  const claim = async (): Promise<number> => {
    while (running.size < RUNNING_MAX && !stopping.signal.aborted) {
      const claimed = await claimExport(pool, leaseMs, [...running.keys()]);
      if (claimed === undefined) break;
      const share = shareOf(scopeOf(claimed));
      const work = runOne(claimed, deps, stopping.signal).finally(() => running.delete(share));
      running.set(share, work);
    }
    return running.size;
  };
  let claiming: Promise<unknown> = Promise.resolve();
  const claims = startWatch({
    name: 'exports',
    intervalMs: CLAIM_MS,
    logger,
    look() {
      const claimed = claim();
      claiming = claimed.catch(() => undefined);
      return claimed;
    },
  });
  const sweeps = startWatch({
    name: 'files of exports',
    intervalMs: SWEEP_MS,
    logger,
    look: () => sweepExports(deps).then(() => true),
  });
  return {
    async close(timeoutMs) {
      claims.close();
      sweeps.close();
      stopping.abort(new StoppingError());
      // An export that Postgres has just given out goes back as well.
      const goneBack = claiming.then(() => Promise.all(running.values()));
      await waitAtMost(timeoutMs, goneBack);
    },
  };
}

class StoppingError extends Error {
  override readonly name = 'StoppingError';
}

type RunDeps = ExporterDeps & RunExportDeps;

/** Never rejects. */
async function runOne(claimed: Export, deps: RunDeps, stop: AbortSignal): Promise<void> {
  const { pool, logger, onEnd } = deps;
  const facts = { exportId: claimed.id, report: claimed.report, fence: claimed.fence };
  try {
    if (claimed.attemptCount > ATTEMPTS_MAX) {
      throw new ExportFailure('attempts_exhausted', attemptsText(undefined));
    }
    const { rowCount } = await runExport(claimed, deps, stop);
    logger.info({ ...facts, rowCount }, 'export ready');
    onEnd('ready', { rows: rowCount ?? 0 });
  } catch (error) {
    const outcome = await settle(error, claimed, pool).catch((failure: unknown) => {
      // The lease ends by itself.
      logger.warn({ ...facts, err: failure }, 'export not settled');
      return 'lost' as const;
    });
    logger.warn({ ...facts, err: error, outcome }, 'export not made');
    onEnd(outcome, { rows: 0 });
  }
}

async function settle(error: unknown, claimed: Export, pool: Pool): Promise<ExportOutcome> {
  const release = async (how: Parameters<typeof releaseExport>[2]) =>
    (await releaseExport(pool, claimed, how)) ? 'released' : 'lost';
  if (error instanceof LeaseLostError) return 'lost';
  if (error instanceof StoppingError) {
    return release({ delayMs: 0, isAttempt: false });
  }
  const failure = failureOf(error, claimed);
  if (failure !== undefined) {
    const { code, message: detail } = failure;
    return (await failExport(pool, claimed, { code, detail })) ? 'failed' : 'lost';
  }
  return release({ delayMs: backoffDelayMs(claimed.attemptCount, RETRY), isAttempt: true });
}

/** Undefined when another attempt may succeed. */
function failureOf(error: unknown, { attemptCount }: Export): ExportFailure | undefined {
  if (error instanceof ExportFailure) return error;
  if (attemptCount < ATTEMPTS_MAX) return undefined;
  return new ExportFailure('attempts_exhausted', attemptsText(error));
}

function attemptsText(error: unknown): string {
  const last = error === undefined ? '' : ` The last: ${toError(error).message}`;
  return `It was tried ${ATTEMPTS_MAX} times.${last}`;
}
