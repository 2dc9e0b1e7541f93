/** How the pages ask again. */
import { QueryClient } from '@tanstack/react-query';
import { ApiProblem } from './client.ts';

const RETRIES = 3;

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // A refusal will not change, and an unavailable server may come back.
      retry: (failures, error) => failures < RETRIES && isTemporary(error),
      // Asks even if the browser believes that it is offline: the API may be on this machine.
      networkMode: 'always',
    },
    mutations: { networkMode: 'always', retry: false },
  },
});

const AGAIN_MS = 5_000;

// What a page shows as unavailable comes back by itself.
setInterval(() => {
  if (document.hidden) return;
  void queries.refetchQueries(
    {
      type: 'active',
      fetchStatus: 'idle',
      predicate: ({ state: { error } }) => error !== null && isTemporary(error),
    },
    { cancelRefetch: false },
  );
}, AGAIN_MS);

/** Of an unavailable server, or one that does not answer. */
export function isTemporary(error: Error): boolean {
  return error instanceof ApiProblem && (error.status === 0 || error.status === 503);
}
