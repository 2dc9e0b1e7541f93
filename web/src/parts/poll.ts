/** Asks again and again, as long as what is shown may change. */
import { useEffect } from 'react';

const POLL_MS = 2_000;

export function usePoll(isOpen: boolean, refetch: () => Promise<unknown>): void {
  useEffect(() => {
    if (!isOpen) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) void refetch();
    }, POLL_MS);
    return () => {
      clearInterval(timer);
    };
  }, [isOpen, refetch]);
}
