/** A list of the API that is read page by page with a cursor. */
import { useInfiniteQuery } from '@tanstack/react-query';

interface ApiPage<Row> {
  readonly data: readonly Row[];
  readonly next: string | null;
}

/**
 * @param key What the list depends on: its path and filters.
 * @param read Asks for the page that begins after a cursor.
 */
export function useList<Row>(
  key: readonly unknown[],
  read: (after: string | undefined, signal: AbortSignal) => Promise<ApiPage<Row>>,
) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => read(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }: ApiPage<Row>) => next ?? undefined,
  });
  return {
    data: query.data?.pages.flatMap(({ data }) => data),
    error: query.error,
    isPending: query.isPending,
    refetch: query.refetch,
    hasMore: query.hasNextPage,
    loadMore: () => {
      if (!query.isFetchingNextPage) void query.fetchNextPage();
    },
  };
}
