/** Who may see the status of the installation, and pause it. It belongs to no tenant. */
import { OPERATORS, READERS } from '../../src/http/caller.ts';
import { V1, type MatrixRow } from './access-matrix-row.ts';

const read = { roles: READERS, strangers: 403 } as const;

export const STATUS_ROWS: Readonly<Record<string, MatrixRow>> = {
  [`GET ${V1}/status`]: { ...read, request: () => ({ url: `${V1}/status` }) },
  [`GET ${V1}/status/history`]: { ...read, request: () => ({ url: `${V1}/status/history` }) },
  [`GET ${V1}/status/stream`]: {
    ...read,
    request: () => ({ url: `${V1}/status/stream?events=1` }),
  },
  [`PUT ${V1}/ingest/pause`]: {
    roles: OPERATORS,
    strangers: 403,
    request: () => ({ url: `${V1}/ingest/pause`, payload: { paused: true, note: 'matrix' } }),
  },
  [`GET ${V1}/doctor`]: {
    roles: OPERATORS,
    strangers: 403,
    request: () => ({ url: `${V1}/doctor` }),
  },
};
