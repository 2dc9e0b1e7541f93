/** The customers and products that an order may name. */
import { useQuery } from '@tanstack/react-query';
import { api, dataOf } from '../../api/client.ts';
import { readPages } from '../../parts/all-pages.ts';

const PAGE_LENGTH = 1_000;
/** Those beyond are not suggested. */
const PAGES_MAX = 5;

/** Their ids; none until they are known, or when they cannot be read. */
export function useCatalogueNames(kind: 'customers' | 'products'): readonly string[] {
  const { data = [] } = useQuery({
    queryKey: ['catalogue-names', kind],
    queryFn: ({ signal }) => readPages((page) => namesOf(kind, page, signal), PAGES_MAX),
  });
  return data;
}

async function namesOf(
  kind: 'customers' | 'products',
  page: { readonly after?: string },
  signal: AbortSignal,
) {
  const params = { query: { ...page, limit: PAGE_LENGTH } };
  if (kind === 'customers') {
    const { data, next } = await dataOf(api.GET('/api/v1/customers', { params, signal }));
    return { data: data.map(({ id }) => id), next };
  }
  const { data, next } = await dataOf(api.GET('/api/v1/products', { params, signal }));
  return { data: data.map(({ sku }) => sku), next };
}
