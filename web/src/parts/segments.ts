/** The parts of the address between slashes, after the console's own: names of things, decoded exactly once. */
import { useLocation, useRouter } from 'wouter';

export function useSegments(): readonly string[] {
  useLocation();
  const { base } = useRouter();
  return location.pathname.slice(base.length).split('/').filter(Boolean).map(decoded);
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    // Somebody has typed a `%` into the address.
    return segment;
  }
}
