/** Who may call: users, keys, and what they did. */
import { Tabs } from '@mantine/core';
import { useLocation } from 'wouter';
import { useHref } from '../../parts/link.tsx';
import { Page } from '../../parts/page.tsx';
import { AuditLog } from './audit-log.tsx';
import { Keys } from './keys.tsx';
import { Users } from './users.tsx';

const TABS = [
  { path: '/access', label: 'Users', Content: Users },
  { path: '/access/keys', label: 'Keys', Content: Keys },
  { path: '/access/audit', label: 'Audit log', Content: AuditLog },
] as const;

export function AccessPage() {
  const [path, navigate] = useLocation();
  const href = useHref();
  const current = TABS.find((tab) => tab.path === path) ?? TABS[0];
  return (
    <Page title="Access">
      <Tabs
        value={current.path}
        keepMounted={false}
        onChange={(next) => {
          if (next !== null) navigate(href(next));
        }}
      >
        <Tabs.List mb="md">
          {TABS.map((tab) => (
            <Tabs.Tab key={tab.path} value={tab.path}>
              {tab.label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {TABS.map(({ path: value, Content }) => (
          <Tabs.Panel key={value} value={value}>
            <Content />
          </Tabs.Panel>
        ))}
      </Tabs>
    </Page>
  );
}
