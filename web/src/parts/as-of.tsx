/** Says that what stands on the page is no longer the present. */
import { Alert } from '@mantine/core';
import type { LiveStatus } from '../api/status-stream.ts';
import { Time } from './time.tsx';

export function AsOf({ live: { status, isOld } }: { readonly live: LiveStatus }) {
  if (status === undefined || !isOld) return null;
  return (
    <Alert color="orange" mb="md" role="status">
      As of <Time at={status.at} />. There has been no news since.
    </Alert>
  );
}
