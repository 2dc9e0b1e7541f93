/** Who may call the routes of exports. */
import { OPERATORS, READERS } from '../../src/http/caller.ts';
import { V1, type MatrixRow, type MatrixWorld } from './access-matrix-row.ts';

const read = { roles: READERS, strangers: 404, shows: true } as const;
const one =
  (end = '') =>
  async (world: MatrixWorld) => ({ url: `${V1}/exports/${await world.newExport()}${end}` });

export const EXPORT_ROWS: Readonly<Record<string, MatrixRow>> = {
  [`POST ${V1}/exports`]: {
    roles: READERS,
    strangers: 202,
    request: () => ({ url: `${V1}/exports`, payload: { report: 'usage' } }),
  },
  [`GET ${V1}/exports`]: {
    ...read,
    strangers: 200,
    request: async (world) => {
      await world.newExport();
      return { url: `${V1}/exports` };
    },
  },
  [`GET ${V1}/exports/:id`]: { ...read, request: one() },
  [`DELETE ${V1}/exports/:id`]: { ...read, roles: OPERATORS, request: one() },
  [`GET ${V1}/exports/:id/file`]: { ...read, request: one('/file') },
  [`GET ${V1}/exports/:id/manifest`]: { ...read, request: one('/manifest') },
  // By a signed link.
  [`GET ${V1}/exports/:id/download`]: { public: true },
};
