/** Streams the answer of a question from Postgres to a file, in constant memory. */
import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Pool, PoolClient } from 'pg';
import { to as copyTo, type CopyToStreamQuery } from 'pg-copy-streams';
import { codeOf } from '../core/errors.ts';
import type { TenantScope } from '../core/tenant-scope.ts';
import { BOM } from '../http/csv.ts';
import type { Report } from '../http/report.ts';
import { withCancel } from '../platform/cancel-statement.ts';
import { readAsTenants } from '../platform/scoped-postgres.ts';
import { copyStatement, estimateStatement, inlineValues } from './copy-statement.ts';
import { ExportFailure, type ExportRequest, type FileShape } from './exports.ts';
import type { WrittenFile } from './manifest.ts';
import { createRecordLines } from './record-lines.ts';

export interface Question extends FileShape, Pick<ExportRequest, 'parameters' | 'asOf'> {
  readonly report: Report;
  readonly scope: TenantScope;
  readonly windowSeconds: number;
}

/** Where the answer goes: an open file, or what behaves like one. */
type AnswerFile = Pick<FileHandle, 'sync'> & {
  write(chunk: Buffer, offset: number): Promise<{ readonly bytesWritten: number }>;
};

export interface AnswerProgress {
  readonly rowsEstimated: number;
  rowsWritten: number;
  bytesWritten: number;
}

interface AnswerOptions {
  /** Ends the reading, wherever it is. */
  readonly signal: AbortSignal;
  /** Called once, when rows are about to come; then `progress` is kept up to date. */
  readonly onStart: (progress: AnswerProgress) => Promise<void> | void;
}

/** An answer that takes longer is given up. */
const TIMEOUT_MS = 3_600_000;
/** A server that has not ended the answer by then is gone. */
const DEAF_MS = 3_000;
const QUERY_CANCELED = '57014';

/**
 * Reads the question and the sums in one snapshot, and writes a file: the same question gives the same bytes.
 *
 * @param file Opened for writing; it is synced and stays open.
 * @throws ExportFailure It would fail again. TransientError Postgres is unavailable or too busy. The reason of the signal.
 */
export async function writeAnswer(
  pool: Pool,
  question: Question,
  file: AnswerFile,
  options: AnswerOptions,
): Promise<WrittenFile> {
  const { report, scope, parameters, asOf, windowSeconds } = question;
  return readAsTenants(pool, scope, async (client) => {
    await client.query(`SELECT set_config('statement_timeout', $1, true)`, [String(TIMEOUT_MS)]);
    const { rows } = await client.query<{ id: number }>('SELECT pg_backend_pid() AS id');
    const asked = await report.ask(parameters, { client, scope, asOf, windowSeconds });
    const progress: AnswerProgress = {
      rowsEstimated: await estimateRows(client, estimateStatement(asked)),
      rowsWritten: 0,
      bytesWritten: 0,
    };
    const columns = Object.keys(asked.columns);
    const { signal } = options;
    return withCancel(pool, { processId: rows[0]?.id ?? 0, signal }, async () => {
      const sums = asked.sums === undefined ? {} : await readSums(client, inlineValues(asked.sums));
      await options.onStart(progress);
      const copied = await copyToFile(client, copyStatement(asked, question), {
        ...{ file, shape: question, columns, progress, signal },
      });
      await file.sync();
      return { columns, sums, ...copied };
    });
  }).catch((error: unknown) => {
    options.signal.throwIfAborted();
    throw toTimeout(error);
  });
}

async function estimateRows(client: PoolClient, sql: string): Promise<number> {
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>(sql);
  return rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0;
}

async function readSums(client: PoolClient, sql: string): Promise<Record<string, string>> {
  const { rows } = await client.query<{ unit: string; total: string }>({
    text: sql,
    ...{ query_timeout: TIMEOUT_MS },
  });
  return Object.fromEntries(rows.map(({ unit, total }) => [unit, total]));
}

interface CopyParts {
  readonly file: AnswerFile;
  readonly shape: FileShape;
  readonly columns: readonly string[];
  readonly progress: AnswerProgress;
  readonly signal: AbortSignal;
}

async function copyToFile(
  client: PoolClient,
  sql: string,
  { file, shape, columns, progress, signal }: CopyParts,
): Promise<Omit<WrittenFile, 'columns' | 'sums'>> {
  const copy: CopyToStreamQuery & { callback?: () => void } = Object.assign(copyTo(sql), {
    query_timeout: TIMEOUT_MS,
  });
  const lines = createRecordLines(shape.format);
  const hash = createHash('sha256');
  const sink = createSink(file, hash, progress);
  const head = headOf(shape, columns);
  async function* encode(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    if (head !== '') yield Buffer.from(head);
    for await (const chunk of source) {
      // What arrives until Postgres stops is read and dropped, so that the connection can be used again.
      if (signal.aborted) continue;
      yield lines.pass(chunk);
      progress.rowsWritten = lines.count;
    }
  }
  // Postgres may still refuse it when the stream has ended already.
  const source = client.query(copy).on('error', () => undefined);
  const deaf = abortedAfter(signal, DEAF_MS);
  try {
    await (shape.gzip
      ? pipeline(source, encode, createGzip(), sink, { signal: deaf })
      : pipeline(source, encode, sink, { signal: deaf }));
  } finally {
    // The driver's timer for the query ends here only, and would keep the process alive.
    copy.callback?.();
  }
  signal.throwIfAborted();
  if (copy.rowCount !== lines.count) {
    throw new Error(`COPY sent ${copy.rowCount} rows, and the file has ${lines.count}.`);
  }
  return {
    rowCount: lines.count,
    byteCount: progress.bytesWritten,
    sha256: hash.digest('hex'),
  };
}

/** A signal that follows another one after a delay. */
function abortedAfter(signal: AbortSignal, delayMs: number): AbortSignal {
  const later = new AbortController();
  const abort = (): void => {
    setTimeout(() => {
      later.abort(signal.reason);
    }, delayMs).unref();
  };
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return later.signal;
}

function headOf({ format, spreadsheet }: FileShape, columns: readonly string[]): string {
  if (format === 'ndjson') return '';
  return `${spreadsheet ? BOM : ''}${columns.join(',')}\r\n`;
}

function createSink(file: AnswerFile, hash: Hash, progress: AnswerProgress): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      writeAll(file, chunk).then(() => {
        progress.bytesWritten += chunk.length;
        done();
      }, done);
    },
  });
}

/** A write may take only a part, on a disk that is almost full. */
async function writeAll(file: AnswerFile, chunk: Buffer): Promise<void> {
  for (let at = 0; at < chunk.length;) {
    const { bytesWritten } = await file.write(chunk, at);
    at += bytesWritten;
  }
}

function toTimeout(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  if (![codeOf(error), codeOf(cause)].includes(QUERY_CANCELED)) return error;
  return new ExportFailure('timeout', 'Postgres took more than an hour; ask for less at a time.', {
    cause: error,
  });
}
