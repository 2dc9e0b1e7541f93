/** A way out for zones whose days do not begin at the start of a window, such as those of India and Nepal. */
import { Button } from '@mantine/core';
import { ApiProblem } from '../../api/client.ts';
import { useParameters } from '../../parts/url-state.ts';
import type { UsageQuestion } from './question.ts';

const NEAREST = /the nearest are (\S+) and (\S+)$/;

export function NearestRange({
  error,
  question: { from, to },
}: {
  readonly error: Error | null;
  readonly question: UsageQuestion;
}) {
  const [, setParameters] = useParameters();
  const nearest = nearestOf(error);
  if (Object.keys(nearest).length === 0) return null;
  return (
    <Button
      size="xs"
      variant="default"
      mb="md"
      onClick={() => {
        setParameters({ range: 'own', from, to, ...nearest });
      }}
    >
      Use the nearest windows
    </Button>
  );
}

/** The earlier one of each bound that the API refused. */
function nearestOf(error: Error | null): { from?: string; to?: string } {
  const refused = error instanceof ApiProblem ? (error.more.errors ?? []) : [];
  return Object.fromEntries(
    refused.flatMap(({ field, message }) => {
      const earlier = NEAREST.exec(message)?.[1];
      return earlier !== undefined && ['from', 'to'].includes(field) ? [[field, earlier]] : [];
    }),
  );
}
