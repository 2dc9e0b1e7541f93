/** Parts of a page that each have an address. */
import { Link, useLocation } from 'wouter';
import { useHref } from './link.tsx';

export interface Tab {
  readonly path: string;
  readonly label: string;
  /** Does not contain what is below its address. */
  readonly isExact?: boolean;
}

export function Tabs({ label, tabs }: { readonly label: string; readonly tabs: readonly Tab[] }) {
  const [path] = useLocation();
  const href = useHref();
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <Link
          key={tab.path}
          href={href(tab.path)}
          aria-current={isIn(path, tab) ? 'page' : undefined}
        >
          {tab.label}
        </Link>
      ))}
    </nav>
  );
}

function isIn(path: string, tab: Tab): boolean {
  return path === tab.path || (tab.isExact !== true && path.startsWith(`${tab.path}/`));
}
