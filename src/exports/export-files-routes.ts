/** The files of exports over HTTP. */
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyReply } from 'fastify';
import { whenOver } from '../http/answer-deadline.ts';
import type { Api } from '../http/api-module.ts';
import { READERS } from '../http/caller.ts';
import { letAnswerLast } from '../http/lasting-answer.ts';
import { ProblemError } from '../http/problems.ts';
import { createTenantLimit } from '../http/tenant-limit.ts';
import { codeOf } from '../core/errors.ts';
import { connectionsOf, NOBODY, outOfTurn, type ScopedPool } from '../platform/scoped-postgres.ts';
import { extensionOf, scopeOf, type Export } from './exports.ts';
import { fileNameOf, MANIFEST } from './export-files.ts';
import { EXPORT_PROBLEMS } from './exports-problems.ts';
import { readExport } from './exports-query.ts';
import { downloadExportSchema, getExportFileSchema, getManifestSchema } from './exports-schema.ts';
import type { Manifest } from './manifest.ts';
import type { LinkSigner } from './signed-link.ts';
import { findVisible } from './visible-export.ts';
import { createDownloadWatch } from './watch-downloads.ts';

interface ExportFilesDeps {
  readonly pool: ScopedPool;
  readonly directory: string;
  readonly links: LinkSigner;
}

/** Each holds an open file and a socket. */
const DOWNLOADS = { what: 'downloads', perTenant: 20, total: 100 };
const DOWNLOAD_TIMEOUT_MS = 3_600_000;
const READ_BYTES = 256 * 1024;

type Reply = FastifyReply<{ Reply: unknown }>;

export function addExportFiles(api: Api, { pool, directory, links }: ExportFilesDeps): void {
  const limit = createTenantLimit(DOWNLOADS);
  // Out of turn: callers must not be able to delay the end of their downloads.
  const watch = createDownloadWatch(outOfTurn(pool));
  const config = { roles: READERS };

  const send = async (reply: Reply, found: Export): Promise<FastifyReply> => {
    assertReady(found);
    whenOver(reply, limit.enter(scopeOf(found)));
    const file = await openFile(directory, found);
    letAnswerLast(reply, DOWNLOAD_TIMEOUT_MS);
    watch(reply, found);
    return reply
      .headers({
        'content-length': String(found.byteCount),
        'content-disposition': `attachment; filename="${found.report}-${found.id}.${extensionOf(found)}"`,
        etag: `"${String(found.sha256)}"`,
        'cache-control': 'private, no-store',
        'x-content-type-options': 'nosniff',
      })
      .type(typeOf(found))
      .send(file.createReadStream({ highWaterMark: READ_BYTES }));
  };

  const file = { schema: getExportFileSchema, config, compress: false } as const;
  api.get('/exports/:id/file', file, async (request, reply) =>
    send(reply, await findVisible(pool, request, request.params.id)),
  );

  const download = {
    schema: downloadExportSchema,
    config: { public: true },
    compress: false,
  } as const;
  api.get('/exports/:id/download', download, async (request, reply) => {
    const { id } = request.params;
    const { fence, expires, signature } = request.query;
    const isSigned = links.isSigned({ id, fence, expires }, signature);
    if (!isSigned || expires * 1000 < Date.now()) {
      throw new ProblemError(EXPORT_PROBLEMS.PULSE_API_EXPORT_LINK, {
        detail: 'Get a new link with GET /exports/{id}.',
      });
    }
    const found = await readExport(connectionsOf(pool, NOBODY), id);
    if (found?.fence !== fence) throw notReady();
    return send(reply, found);
  });

  const manifest = { schema: getManifestSchema, config };
  api.get('/exports/:id/manifest', manifest, async (request) => {
    const found = await findVisible(pool, request, request.params.id);
    assertReady(found);
    const path = join(directory, `${fileNameOf(found)}${MANIFEST}`);
    const text = await readFile(path, 'utf8').catch(toMissing);
    return JSON.parse(text) as Manifest;
  });
}

function assertReady({ state }: Export): void {
  if (state !== 'ready') throw notReady(state);
}

function notReady(state = 'gone'): ProblemError {
  return new ProblemError(EXPORT_PROBLEMS.PULSE_API_EXPORT_NOT_READY, {
    detail: `It is ${state}. ${isOpen(state) ? 'Wait until it is ready.' : 'Request a new export.'}`,
    members: { state },
  });
}

function isOpen(state: string): boolean {
  return state === 'queued' || state === 'running';
}

async function openFile(directory: string, found: Export): Promise<FileHandle> {
  const file = await open(join(directory, fileNameOf(found)), 'r').catch(toMissing);
  const { size } = await file.stat();
  if (size === found.byteCount) return file;
  await file.close();
  throw missing(`The file has ${size} bytes, and should have ${String(found.byteCount)}.`);
}

function toMissing(error: unknown): never {
  throw missing(
    `${String(codeOf(error))}. EXPORT_DIR must be the same folder for the API and the exporters.`,
    error,
  );
}

function missing(detail: string, cause?: unknown): ProblemError {
  const kind = EXPORT_PROBLEMS.PULSE_API_EXPORT_FILE_MISSING;
  return new ProblemError(kind, { detail, cause, headers: { 'retry-after': '60' } });
}

function typeOf({ format, gzip }: Export): string {
  if (gzip) return 'application/gzip';
  return format === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/x-ndjson';
}
