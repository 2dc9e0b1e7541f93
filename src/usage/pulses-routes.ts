/** GET /pulses and GET /pulses/:id. */
import type { TenantScope } from '../core/tenant-scope.ts';
import type { Api, ApiModule } from '../http/api-module.ts';
import { READERS } from '../http/caller.ts';
import { spanFrom } from '../http/instants.ts';
import { nextLink, pageLinks } from '../http/page-links.ts';
import { HTTP_PROBLEMS, invalidField, ProblemError } from '../http/problems.ts';
import type { ScopedPool } from '../platform/scoped-postgres.ts';
import { findPulse, listPulses, listPulsesAfter, type PulseFilters } from './pulses-query.ts';
import {
  getPulseSchema,
  LIMIT_DEFAULT,
  listPulsesSchema,
  type PulsesQuery,
} from './pulses-schema.ts';

export function createPulsesModule(pool: ScopedPool): ApiModule {
  return {
    tag: { name: 'pulses', description: 'The sums as each flush wrote them.' },
    problems: {},
    addRoutes: (api) => {
      addRoutes(api, pool);
    },
  };
}

function addRoutes(api: Api, pool: ScopedPool): void {
  const config = { roles: READERS };

  api.get('/pulses', { schema: listPulsesSchema, config }, async (request, reply) => {
    const { page = 1, limit = LIMIT_DEFAULT, after, ...texts } = request.query;
    const filters = filtersFrom(request.user.tenants, texts);
    const path = `${api.prefix}/pulses`;
    if (after !== undefined) {
      if (request.query.page !== undefined) {
        throw invalidField('page', 'must be left out: `after` says where the page begins');
      }
      const { rows, next } = await listPulsesAfter(pool, filters, { after, limit });
      if (next !== null) {
        void reply.header('link', nextLink(path, { limit, ...texts, after: next }));
      }
      return { data: rows, limit, next };
    }
    const { rows, total } = await listPulses(pool, filters, { offset: (page - 1) * limit, limit });
    void reply.header('link', pageLinks(path, texts, { page, limit, total }));
    return { data: rows, page, limit, total };
  });

  const conditional = { ...config, conditional: true } as const;
  api.get('/pulses/:id', { schema: getPulseSchema, config: conditional }, async (request) => {
    const row = await findPulse(pool, request.user.tenants, request.params.id);
    if (row === undefined) {
      throw new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, {
        detail: 'There is no row with this id.',
      });
    }
    return row;
  });
}

function filtersFrom(
  scope: TenantScope,
  query: Omit<PulsesQuery, 'page' | 'limit' | 'after'>,
): PulseFilters {
  const { tenant, product_sku: sku, use_unity: unit } = query;
  return { scope, tenant, sku, unit, ...spanFrom(query) };
}
