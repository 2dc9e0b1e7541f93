/** Calls about the whole installation, for callers of all tenants. */
import type { Examination, IngestState, Status, StatusPoint } from './status-types.ts';
import type { Transport } from './transport.ts';

export interface StatusCalls {
  readonly status: {
    get(): Promise<Status>;
    /** The last hour as this API process saw it, oldest first. */
    history(): Promise<{ readonly data: readonly StatusPoint[] }>;
    /** Pauses or resumes ingest. @param note Why; needed to pause. */
    setPaused(paused: boolean, note?: string): Promise<IngestState>;
    doctor(): Promise<Examination>;
  };
}

export function createStatusCalls(transport: Transport): StatusCalls {
  return {
    status: {
      get: () => transport.request('GET', '/status'),
      history: () => transport.request('GET', '/status/history'),
      setPaused: (paused, note) =>
        transport.request('PUT', '/ingest/pause', { json: { paused, note } }),
      doctor: () => transport.request('GET', '/doctor'),
    },
  };
}
