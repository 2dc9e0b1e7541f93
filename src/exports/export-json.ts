/** Exports as callers see them. */
import { API_BASE } from '../http/api-base.ts';
import type { Export } from './exports.ts';
import type { ExportJson } from './exports-schema.ts';
import type { LinkSigner } from './signed-link.ts';

const LINK_SECONDS = 900;

/** @param links Undefined: without a link, on the command line. */
export function toExportJson(one: Export, links?: LinkSigner): ExportJson {
  const { failureCode: code, failureDetail: detail } = one;
  return {
    id: one.id,
    report: one.report,
    parameters: one.parameters,
    ...{ format: one.format, gzip: one.gzip, spreadsheet: one.spreadsheet },
    as_of: one.asOf.toISOString(),
    state: one.state,
    steps: [...one.steps],
    rows_written: one.rowsWritten,
    rows_estimated: one.rowsEstimated,
    rows: one.rowCount,
    bytes: one.byteCount,
    sha256: one.sha256,
    sums: one.sums,
    failure: code === null ? null : { code, detail: detail ?? '' },
    download: one.state === 'ready' && links !== undefined ? linkTo(one, links) : null,
    created_at: one.createdAt.toISOString(),
    created_by: one.createdBy,
    started_at: one.startedAt?.toISOString() ?? null,
    ended_at: one.endedAt?.toISOString() ?? null,
    expires_at: one.expiresAt?.toISOString() ?? null,
  };
}

/** It ends no later than the file. */
function linkTo({ id, fence, expiresAt }: Export, links: LinkSigner) {
  const fileEnds = Math.floor((expiresAt?.getTime() ?? Infinity) / 1000);
  const expires = Math.min(fileEnds, Math.floor(Date.now() / 1000) + LINK_SECONDS);
  const signature = links.sign({ id, fence, expires });
  const query = new URLSearchParams({ fence: String(fence), expires: String(expires), signature });
  return {
    url: `${API_BASE}/exports/${id}/download?${query.toString()}`,
    expires_at: new Date(expires * 1000).toISOString(),
  };
}
