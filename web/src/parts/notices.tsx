/** Short notes about what was done, in the corner of the page. */
import { Notification, Stack } from '@mantine/core';
import { useSyncExternalStore } from 'react';

interface Notice {
  readonly id: number;
  readonly text: string;
}

const SHOWN_MS = 6_000;
const listeners = new Set<() => void>();
let notices: readonly Notice[] = [];
let lastId = 0;

export function notify(text: string): void {
  const id = ++lastId;
  change([...notices, { id, text }]);
  setTimeout(() => {
    remove(id);
  }, SHOWN_MS);
}

export function Notices() {
  const shown = useSyncExternalStore(subscribe, () => notices);
  return (
    <Stack className="notices" role="status" aria-live="polite">
      {shown.map(({ id, text }) => (
        <Notification
          key={id}
          withBorder
          closeButtonProps={{ 'aria-label': 'Close' }}
          onClose={() => {
            remove(id);
          }}
        >
          {text}
        </Notification>
      ))}
    </Stack>
  );
}

function remove(id: number): void {
  change(notices.filter((notice) => notice.id !== id));
}

function change(next: readonly Notice[]): void {
  notices = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
