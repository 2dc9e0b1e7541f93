/** Calls about exports. */
import type {
  Export,
  ExportManifest,
  ExportsPage,
  ExportsQuery,
  NewExport,
} from './exports-types.ts';
import { follow } from './paging.ts';
import { keyHeaders, type Transport } from './transport.ts';

export interface ExportsCalls {
  readonly exports: {
    /**
     * Asks for a file. Follow it with `get` until its state is `ready`; then `download.url` gives the file.
     *
     * @param options.idempotencyKey Makes the request safe to repeat for a day.
     */
    create(asked: NewExport, options?: { readonly idempotencyKey?: string }): Promise<Export>;
    get(id: string): Promise<Export>;
    /** One page, newest first. */
    page(query?: ExportsQuery): Promise<ExportsPage>;
    /** All of them, page after page, newest first. */
    all(query?: ExportsQuery): AsyncIterableIterator<Export>;
    /** Cancels it, or deletes its file if it is ready. */
    cancel(id: string): Promise<Export>;
    /** Of one that is ready. */
    manifest(id: string): Promise<ExportManifest>;
  };
}

export function createExportsCalls(transport: Transport): ExportsCalls {
  const pathOf = (id: string) => `/exports/${encodeURIComponent(id)}`;
  const page = (query: ExportsQuery = {}) =>
    transport.request<ExportsPage>('GET', '/exports', { query: { ...query } });
  return {
    exports: {
      create: (json, { idempotencyKey } = {}) =>
        transport.request('POST', '/exports', {
          json,
          headers: keyHeaders(idempotencyKey),
        }),
      get: (id) => transport.request('GET', pathOf(id)),
      page,
      all: (query) => follow(page, query),
      cancel: (id) => transport.request('DELETE', pathOf(id)),
      manifest: (id) => transport.request('GET', `${pathOf(id)}/manifest`),
    },
  };
}
