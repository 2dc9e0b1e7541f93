/** The answer to the question of the page: its rows, and how fresh they are. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { api, dataOf } from '../../api/client.ts';
import { useLoadMore } from '../../parts/use-list.ts';
import type { UsageQuestion } from './question.ts';
import type { UsageRow } from './usage-row.ts';

/** As many as the API gives at once. */
const ROWS_A_PAGE = 1_000;
const LIVE_MS = 5_000;

const read = (question: UsageQuestion, after: string | undefined, signal: AbortSignal) =>
  dataOf(
    api.GET('/api/v1/usage', {
      params: {
        query: {
          ...question,
          order: 'desc',
          limit: ROWS_A_PAGE,
          ...(after === undefined ? {} : { after }),
        },
      },
      signal,
    }),
  );

type Answer = Awaited<ReturnType<typeof read>>;
export type Freshness = Omit<Answer, 'data' | 'next'>;

export interface Usage {
  readonly rows: readonly UsageRow[];
  /** Of the first page, the one with the newest windows. */
  readonly freshness: Freshness;
}

export function useUsage(question: UsageQuestion) {
  const isLive = question.live === undefined && question.as_of === undefined;
  const query = useInfiniteQuery({
    queryKey: ['usage', question],
    queryFn: ({ pageParam, signal }) => read(question, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }: Answer) => next ?? undefined,
    // Asking again asks for every page that was loaded.
    refetchInterval: ({ state: { data, error } }) =>
      isLive && error === null && data?.pages.length === 1 ? LIVE_MS : false,
    select: ({ pages }): Usage | undefined => {
      const [first] = pages;
      return first && { rows: pages.flatMap(({ data }) => data), freshness: first };
    },
  });
  return {
    ...query,
    hasMore: query.hasNextPage,
    loadMore: useLoadMore(query),
  };
}
