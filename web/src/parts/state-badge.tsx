/** The state of a thing, in a color that says whether somebody has to look. */
import { Badge } from '@mantine/core';

const COLORS: Readonly<Record<string, string>> = {
  ok: 'green',
  processing: 'blue',
  quarantined: 'orange',
  completed: 'green',
  active: 'green',
  done: 'green',
  delivered: 'green',
  processed: 'green',
  replayed: 'green',
  ready: 'green',
  warning: 'orange',
  open: 'orange',
  pending: 'blue',
  queued: 'blue',
  running: 'blue',
  failed: 'red',
  failing: 'red',
  danger: 'red',
  error: 'red',
};

export function StateBadge({ state }: { readonly state: string }) {
  return (
    <Badge variant="light" color={COLORS[state.toLowerCase()] ?? 'gray'} className="state">
      {state}
    </Badge>
  );
}
