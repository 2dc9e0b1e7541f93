/** Asks again and again, as long as what is shown may change. An answer that takes longer is waited for. */
import { useEffect } from 'react';

const POLL_MS = 2_000;

type Refetch = (options: { readonly cancelRefetch: boolean }) => Promise<unknown>;

export function usePoll(isOpen: boolean, refetch: Refetch): void {
  useEffect(() => {
    if (!isOpen) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) void refetch({ cancelRefetch: false });
    }, POLL_MS);
    return () => {
      clearInterval(timer);
    };
  }, [isOpen, refetch]);
}
