/** Every page of the console, in the order of the menu. */
import type { Icon } from '@tabler/icons-react';
import {
  IconChartBar,
  IconMailOff,
  IconRepeat,
  IconShoppingCart,
  IconWebhook,
} from '@tabler/icons-react';
import { lazy, type ComponentType, type LazyExoticComponent } from 'react';
import type { Role } from './api/me.ts';

export interface PageEntry {
  /** Of the page and everything below it. */
  readonly path: string;
  readonly label: string;
  readonly icon: Icon;
  readonly role: Role;
  /** Only for callers who see all tenants. */
  readonly allTenants?: true;
  readonly Component: LazyExoticComponent<ComponentType>;
}

export const PAGES: readonly PageEntry[] = [
  {
    path: '/usage',
    label: 'Usage',
    icon: IconChartBar,
    role: 'viewer',
    Component: page(async () => (await import('./pages/usage/usage-page.tsx')).UsagePage),
  },
  {
    path: '/dead-letters',
    label: 'Dead letters',
    icon: IconMailOff,
    role: 'viewer',
    Component: page(
      async () => (await import('./pages/dead-letters/dead-letters-page.tsx')).DeadLettersPage,
    ),
  },
  {
    path: '/orders',
    label: 'Orders',
    icon: IconShoppingCart,
    role: 'viewer',
    Component: page(async () => (await import('./pages/orders/orders-page.tsx')).OrdersPage),
  },
  {
    path: '/subscriptions',
    label: 'Subscriptions',
    icon: IconRepeat,
    role: 'viewer',
    Component: page(
      async () => (await import('./pages/subscriptions/subscriptions-page.tsx')).SubscriptionsPage,
    ),
  },
  {
    path: '/events',
    label: 'Events',
    icon: IconWebhook,
    role: 'viewer',
    Component: page(async () => (await import('./pages/events/events-page.tsx')).EventsPage),
  },
];

/** Loads a page when it is first opened. */
function page(load: () => Promise<ComponentType>): PageEntry['Component'] {
  return lazy(async () => ({ default: await load() }));
}

/** The page that an address inside the console belongs to. */
export function pageAt(path: string): PageEntry | undefined {
  return PAGES.find((entry) =>
    entry.path === '/' ? path === '/' : path === entry.path || path.startsWith(`${entry.path}/`),
  );
}
