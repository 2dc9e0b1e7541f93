/**
 * Makes the file of one export that this process has claimed.
 *
 * | step | what it does | if the process dies in it or right after it |
 * |---|---|---|
 * | | claimed: the fence is raised | the lease ends, and another process starts anew |
 * | query | waits until `as_of` is settled, asks Postgres for the plan and the sums | the same |
 * | write | streams the answer into a `.part` file | the same; the `.part` is swept |
 * | checksum | reads the file again from the disk, compares, and writes the manifest | the same |
 * | publish | renames both to their names, which hold the fence | the same; the files are swept, because their fence is old |
 * | publish | marks the export as ready and announces it, in one transaction | ready |
 *
 * An error of that transaction does not tell whether it was committed. The files stay then; if the export is not ready,
 * they are swept.
 *
 * Every change of the row checks the fence. A process that was frozen and wakes up finds it raised, and removes its files.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Pool, PoolClient } from 'pg';
import { TransientError } from '../core/errors.ts';
import { shareOf } from '../core/tenant-scope.ts';
import { ProblemError } from '../http/problems.ts';
import { withTransaction } from '../platform/postgres.ts';
import {
  fileNameOf,
  openPart,
  openWrittenPart,
  publishParts,
  removeFiles,
  toFileFailure,
  writeManifest,
} from './export-files.ts';
import type { ExportPoint } from './export-points.ts';
import {
  ExportFailure,
  findReport,
  LeaseLostError,
  scopeOf,
  type Export,
  type ExportStep,
  type Reports,
} from './exports.ts';
import { readLoad } from './exports-query.ts';
import { beginStep, completeExport, renewLease } from './lease-query.ts';
import { toManifest, type WrittenFile } from './manifest.ts';
import { untilSettled } from './settled.ts';
import { writeAnswer, type AnswerProgress } from './write-answer.ts';

export interface RunExportDeps {
  readonly pool: Pool;
  readonly directory: string;
  readonly reports: Reports;
  readonly windowSeconds: number;
  /** What all files together may take; one share may take half of it. */
  readonly quotaBytes: number;
  readonly ttlHours: number;
  readonly leaseMs: number;
  /** Called in the transaction that makes the export ready. */
  readonly onReady: (client: PoolClient, ready: Export) => Promise<void>;
  readonly onPoint: (point: ExportPoint) => void;
}

/**
 * @throws ExportFailure It can never become ready. LeaseLostError Somebody else has it. TransientError Try again later.
 * The reason of the signal.
 */
export async function runExport(
  claimed: Export,
  deps: RunExportDeps,
  stop: AbortSignal,
): Promise<Export> {
  const lease = startRenewing(claimed, deps, stop);
  let mayBeReady = false;
  try {
    deps.onPoint('claimed');
    const written = await writeFile(claimed, deps, lease);
    // A file that is written quickly may be finished before the first renewal.
    await lease.renew();
    deps.onPoint('written');
    await checkFile(claimed, deps, written);
    deps.onPoint('checked');
    await publishFile(claimed, deps);
    deps.onPoint('renamed');
    mayBeReady = true;
    return await complete(claimed, deps, written);
  } catch (error) {
    // A lost lease is the answer of Postgres, before the end: it is not ready.
    if (!mayBeReady || error instanceof LeaseLostError) {
      await removeFiles(deps.directory, claimed).catch(() => undefined);
    }
    throw toExportError(lease.signal.aborted ? lease.signal.reason : error);
  } finally {
    lease.close();
  }
}

async function writeFile(
  claimed: Export,
  deps: RunExportDeps,
  lease: Renewing,
): Promise<WrittenFile> {
  const { pool, windowSeconds } = deps;
  const report = findReport(deps.reports, claimed.report);
  await enterStep(claimed, deps, { step: 'query' });
  await untilSettled(pool, claimed.asOf, lease.signal);
  const file = await openPart(pathOf(claimed, deps));
  try {
    const question = { ...claimed, report, scope: scopeOf(claimed), windowSeconds };
    return await writeAnswer(pool, question, file, {
      signal: lease.signal,
      async onStart(progress) {
        lease.watch(progress);
        await enterStep(claimed, deps, { step: 'write', rowsEstimated: progress.rowsEstimated });
      },
    });
  } finally {
    await file.close();
  }
}

/** Checks that the disk has what was written. */
async function checkFile(claimed: Export, deps: RunExportDeps, written: WrittenFile) {
  await enterStep(claimed, deps, { step: 'checksum' });
  const path = pathOf(claimed, deps);
  const file = await openWrittenPart(path);
  const hash = createHash('sha256');
  for await (const chunk of file.createReadStream()) hash.update(chunk as Buffer);
  if (hash.digest('hex') !== written.sha256) {
    throw new ExportFailure('checksum', 'The disk of EXPORT_DIR does not hold what was written.');
  }
  await writeManifest(path, toManifest(claimed, written));
}

async function publishFile(claimed: Export, deps: RunExportDeps): Promise<void> {
  await enterStep(claimed, deps, { step: 'publish' });
  await publishParts(pathOf(claimed, deps));
}

/** @throws LeaseLostError Nothing was committed. Any other error: it may be ready. */
async function complete(claimed: Export, deps: RunExportDeps, written: WrittenFile) {
  const ready = await withTransaction(deps.pool, async (client) => {
    const completed = await completeExport(client, claimed, { written, ttlHours: deps.ttlHours });
    if (completed === undefined) throw new LeaseLostError();
    await deps.onReady(client, completed);
    return completed;
  });
  deps.onPoint('completed');
  return ready;
}

async function enterStep(
  claimed: Export,
  { pool }: RunExportDeps,
  step: { readonly step: ExportStep; readonly rowsEstimated?: number },
): Promise<void> {
  if (!(await beginStep(pool, claimed, step))) throw new LeaseLostError();
}

function pathOf(claimed: Export, { directory }: RunExportDeps): string {
  return join(directory, fileNameOf(claimed));
}

interface Renewing {
  /** Aborted when the work must end: the lease is lost, the quota is used up, or the process stops. */
  readonly signal: AbortSignal;
  /** From then on, every renewal reports the progress. */
  watch(progress: AnswerProgress): void;
  /** @throws LeaseLostError; ExportFailure The quota is used up. */
  renew(): Promise<void>;
  close(): void;
}

/** Renewals in a lease. */
const RENEWALS = 10;

function startRenewing(claimed: Export, deps: RunExportDeps, stop: AbortSignal): Renewing {
  const end = new AbortController();
  const { leaseMs } = deps;
  let progress: AnswerProgress | undefined;
  let renewedMs = performance.now();
  let isRenewing = false;
  const renew = async (): Promise<void> => {
    const startedMs = performance.now();
    const { rowsWritten: rows = 0, bytesWritten: bytes = 0 } = progress ?? {};
    if (!(await renewLease(deps.pool, claimed, { leaseMs, rows, bytes }))) {
      throw new LeaseLostError();
    }
    renewedMs = startedMs;
    await refuseQuota(claimed, deps);
  };
  const timer = setInterval(() => {
    if (performance.now() - renewedMs > leaseMs) end.abort(new LeaseLostError());
    if (isRenewing) return;
    isRenewing = true;
    renew()
      .catch((error: unknown) => {
        // Postgres may be back before the lease ends.
        if (error instanceof LeaseLostError || error instanceof ExportFailure) end.abort(error);
      })
      .finally(() => {
        isRenewing = false;
      });
  }, leaseMs / RENEWALS);
  return {
    signal: AbortSignal.any([end.signal, stop]),
    watch(given) {
      progress = given;
    },
    renew,
    close() {
      clearInterval(timer);
    },
  };
}

/** @throws ExportFailure The files of everybody, or of the callers with these tenants, take more than they may. */
async function refuseQuota(claimed: Export, { pool, quotaBytes }: RunExportDeps): Promise<void> {
  const { ofShare, inAll } = await readLoad(pool, shareOf(scopeOf(claimed)));
  if (ofShare.bytes <= quotaBytes / 2 && inAll.bytes <= quotaBytes) return;
  const whose = ofShare.bytes > quotaBytes / 2 ? 'Your exports' : 'All exports together';
  throw new ExportFailure(
    'quota_exceeded',
    `${whose} take more than they may. Delete exports, or ask for less at a time.`,
  );
}

function toExportError(error: unknown): unknown {
  if (error instanceof ProblemError) {
    const fields = error.options.errors?.map(({ field, message }) => `${field} ${message}`);
    const detail = fields?.join('; ') ?? error.message;
    return new ExportFailure('invalid_question', detail, { cause: error });
  }
  return error instanceof TransientError ? error : toFileFailure(error);
}
