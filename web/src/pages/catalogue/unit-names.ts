/** The units that a product may be measured in. */
import { useQuery } from '@tanstack/react-query';
import { api, ApiProblem, dataOf, fieldWords } from '../../api/client.ts';
import { readPages } from '../../parts/all-pages.ts';

const PAGES_MAX = 20;

/** Undefined until they are known. */
export function useUnitNames(): readonly string[] | undefined {
  return useQuery({
    queryKey: ['unit-names'],
    queryFn: async ({ signal }) => {
      const units = await readPages(
        (query) => dataOf(api.GET('/api/v1/units', { params: { query }, signal })),
        PAGES_MAX,
      );
      return units.map(({ unit }) => unit);
    },
  }).data;
}

/** Says of an unknown unit where units are added. */
export async function withUnitsTab<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    throw namingUnitsTab(error);
  }
}

export function namingUnitsTab(error: unknown): unknown {
  if (!(error instanceof ApiProblem)) return error;
  const { status, title, more, isAboutFields } = error;
  const errors = (more.errors ?? []).map(({ field, message }) => ({
    field,
    message: message.includes('unknown unit')
      ? `${message}. Choose a known one, or add it in the tab Units first.`
      : message,
  }));
  const detail = isAboutFields ? fieldWords(errors) : error.detail;
  return new ApiProblem(status, title, detail, { ...more, errors });
}
