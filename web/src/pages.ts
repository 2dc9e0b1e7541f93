/** Every page of the console, in the order of the menu. */
import type { Icon } from '@tabler/icons-react';
import {
  IconActivity,
  IconBook2,
  IconChartBar,
  IconFileExport,
  IconGauge,
  IconKey,
  IconMailOff,
  IconRepeat,
  IconRocket,
  IconRoute,
  IconShoppingCart,
  IconStethoscope,
  IconWebhook,
} from '@tabler/icons-react';
import { lazy, type ComponentType, type LazyExoticComponent } from 'react';
import type { Role } from './api/me.ts';
import { patiently } from './parts/patient-import.ts';

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
    path: '/',
    label: 'Overview',
    icon: IconGauge,
    role: 'viewer',
    allTenants: true,
    Component: page(async () => (await import('./pages/overview/overview-page.tsx')).OverviewPage),
  },
  {
    path: '/usage',
    label: 'Usage',
    icon: IconChartBar,
    role: 'viewer',
    Component: page(async () => (await import('./pages/usage/usage-page.tsx')).UsagePage),
  },
  {
    path: '/pulses',
    label: 'Pulses',
    icon: IconActivity,
    role: 'viewer',
    Component: page(async () => (await import('./pages/pulses/pulses-page.tsx')).PulsesPage),
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
    path: '/catalogue',
    label: 'Catalogue',
    icon: IconBook2,
    role: 'viewer',
    Component: page(
      async () => (await import('./pages/catalogue/catalogue-page.tsx')).CataloguePage,
    ),
  },
  {
    path: '/events',
    label: 'Events',
    icon: IconWebhook,
    role: 'viewer',
    Component: page(async () => (await import('./pages/events/events-page.tsx')).EventsPage),
  },
  {
    path: '/workflows',
    label: 'Workflows',
    icon: IconRoute,
    role: 'viewer',
    Component: page(
      async () => (await import('./pages/workflows/workflows-page.tsx')).WorkflowsPage,
    ),
  },
  {
    path: '/exports',
    label: 'Exports',
    icon: IconFileExport,
    role: 'viewer',
    Component: page(async () => (await import('./pages/exports/exports-page.tsx')).ExportsPage),
  },
  {
    path: '/load-test',
    label: 'Load test',
    icon: IconRocket,
    role: 'operator',
    allTenants: true,
    Component: page(
      async () => (await import('./pages/load-test/load-test-page.tsx')).LoadTestPage,
    ),
  },
  {
    path: '/access',
    label: 'Access',
    icon: IconKey,
    role: 'admin',
    Component: page(async () => (await import('./pages/access/access-page.tsx')).AccessPage),
  },
  {
    path: '/health',
    label: 'Health',
    icon: IconStethoscope,
    role: 'operator',
    allTenants: true,
    Component: page(async () => (await import('./pages/health/health-page.tsx')).HealthPage),
  },
];

/** Loads a page when it is first opened. */
function page(load: () => Promise<ComponentType>): PageEntry['Component'] {
  return lazy(async () => ({ default: await patiently(load) }));
}

/** The page that an address inside the console belongs to. */
export function pageAt(path: string): PageEntry | undefined {
  return PAGES.find((entry) =>
    entry.path === '/' ? path === '/' : path === entry.path || path.startsWith(`${entry.path}/`),
  );
}
