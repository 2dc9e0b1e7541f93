/** A list of the API that is read page by page with a cursor. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useCallback } from 'react';

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
    // Asking again asks for every page that was loaded.
    refetchOnWindowFocus: ({ state: { data } }) => (data?.pages.length ?? 0) <= 1,
  });
  return {
    data: query.data?.pages.flatMap(({ data }) => data),
    error: query.error,
    isPending: query.isPending,
    refetch: query.refetch,
    /** Asking again asks for every page that was loaded. */
    isOnePage: query.data?.pages.length === 1,
    hasMore: query.hasNextPage,
    loadMore: useLoadMore(query),
  };
}

/** Loads the next page. Who calls it without the user's doing says so: after a failure, only the user tries again. */
export type LoadMore = (caller?: { readonly byItself: boolean }) => void;

/** Stays the same between changes of what it depends on. */
export function useLoadMore({
  fetchNextPage,
  isFetchingNextPage,
  isFetchNextPageError,
}: {
  readonly fetchNextPage: () => Promise<unknown>;
  readonly isFetchingNextPage: boolean;
  readonly isFetchNextPageError: boolean;
}): LoadMore {
  return useCallback(
    ({ byItself } = { byItself: false }) => {
      if (isFetchingNextPage || (byItself && isFetchNextPageError)) return;
      void fetchNextPage();
    },
    [fetchNextPage, isFetchingNextPage, isFetchNextPageError],
  );
}
