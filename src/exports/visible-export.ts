/** Finds an export for a caller. */
import type { FastifyRequest } from 'fastify';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import { readAsTenants, type ScopedPool } from '../platform/scoped-postgres.ts';
import type { Export } from './exports.ts';
import { readExport } from './exports-query.ts';

/** @throws ProblemError 404 The caller may not see it, or it does not exist. */
export async function findVisible(
  pool: ScopedPool,
  { user }: FastifyRequest,
  id: string,
): Promise<Export> {
  const found = await readAsTenants(pool, user.tenants, (client) => readExport(client, id));
  if (found !== undefined) return found;
  throw new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, {
    detail: 'There is no export with this id.',
  });
}
