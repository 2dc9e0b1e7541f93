/** The names in the path of the address. */
import { useLocation, useRouter } from 'wouter';

/**
 * The path below the console, split and decoded: `/orders/a%2Fb` is `['orders', 'a/b']`.
 *
 * The router decodes a path before it is split, so that names with `%` or `/` would get lost.
 */
export function useNames(): readonly string[] {
  useLocation();
  const { base } = useRouter();
  return location.pathname.slice(base.length).split('/').filter(Boolean).map(decoded);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
