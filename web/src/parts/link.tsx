/** A link inside the console that keeps the zone of the page. */
import { Anchor } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useParameters } from './url-state.ts';

export function PageLink({
  to,
  children,
  size = 'sm',
}: {
  readonly to: string;
  readonly children: ReactNode;
  readonly size?: 'xs' | 'sm';
}) {
  return (
    <Anchor component={Link} href={useHref()(to)} size={size}>
      {children}
    </Anchor>
  );
}

/** Adds the zone of this page to a path inside the console that does not name one. */
export function useHref(): (path: string) => string {
  const [parameters] = useParameters();
  const zone = parameters.get('tz');
  return (path) => {
    if (zone === null || /[?&]tz=/.test(path)) return path;
    return `${path}${path.includes('?') ? '&' : '?'}tz=${encodeURIComponent(zone)}`;
  };
}
