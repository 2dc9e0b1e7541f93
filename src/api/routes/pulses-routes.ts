/** GET /pulses and GET /pulses/:id. */
import type { Pool } from 'pg';
import { parseTimestamp } from '../../core/timestamp.ts';
import type { Api } from '../api-types.ts';
import { pageLinks } from '../page-links.ts';
import { invalidField, ProblemError } from '../problems.ts';
import { findPulse, listPulses, type PulseFilters } from '../pulses-query.ts';
import {
  getPulseSchema,
  LIMIT_DEFAULT,
  listPulsesSchema,
  type PulsesQuery,
} from '../schemas/pulse-schema.ts';

/** Adds the routes. */
export function addPulsesRoutes(api: Api, { pool }: { pool: Pool }): void {
  api.get('/pulses', { schema: listPulsesSchema }, async (request, reply) => {
    const { page = 1, limit = LIMIT_DEFAULT, ...texts } = request.query;
    const filters = filtersFrom(texts);
    const { rows, total } = await listPulses(pool, filters, { offset: (page - 1) * limit, limit });
    void reply.header('link', pageLinks(`${api.prefix}/pulses`, texts, { page, limit, total }));
    return { data: rows, page, limit, total };
  });

  api.get('/pulses/:id', { schema: getPulseSchema }, async (request) => {
    const row = await findPulse(pool, request.params.id);
    if (row === undefined) {
      throw new ProblemError('PULSE_API_NOT_FOUND', { detail: 'There is no row with this id.' });
    }
    return row;
  });
}

function filtersFrom(query: Omit<PulsesQuery, 'page' | 'limit'>): PulseFilters {
  const fromMs = instantFrom('from', query.from);
  const toMs = instantFrom('to', query.to);
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs) {
    throw invalidField('to', 'must be after from');
  }
  return { tenant: query.tenant, sku: query.product_sku, unit: query.use_unity, fromMs, toMs };
}

/** The schema's date-time lets a few texts pass that are no instants, such as one without a `T`. */
function instantFrom(field: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseTimestamp(text);
  if (ms === undefined) {
    throw invalidField(field, 'must be an RFC 3339 instant such as 2026-01-31T13:00:00Z');
  }
  return ms;
}
