/** The head of a page, and the name of the browser's tab. */
import { Group, Title } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';

export function Page({
  title,
  actions,
  children,
}: {
  readonly title: string;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Pulse`;
  }, [title]);
  return (
    <>
      <Group justify="space-between" mb="md">
        <Title order={1} size="h3">
          {title}
        </Title>
        {actions}
      </Group>
      {children}
    </>
  );
}
