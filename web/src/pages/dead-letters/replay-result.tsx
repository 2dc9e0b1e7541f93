/** Says whether a replay was refused again. */
import { Text } from '@mantine/core';
import { useEffect, useState } from 'react';
import { PageLink } from '../../parts/link.tsx';
import type { DeadLetter } from './dead-letter-queries.ts';
import { replayOutcomeOf, usageLinks } from './replay-outcome.ts';

export function ReplayResult({ deadLetter }: { readonly deadLetter: DeadLetter }) {
  const [nowMs, setNowMs] = useState(Date.now);
  const outcome = replayOutcomeOf(deadLetter, nowMs);
  const knownAtMs = typeof outcome === 'object' ? outcome.knownAtMs : undefined;
  useEffect(() => {
    if (knownAtMs === undefined) return undefined;
    const timer = setTimeout(
      () => {
        setNowMs(Date.now());
      },
      Math.max(0, knownAtMs - Date.now()) + 1,
    );
    return () => {
      clearTimeout(timer);
    };
  }, [knownAtMs]);
  const { reason } = deadLetter;
  return (
    <div role="status">
      {outcome === 'refused again' ? (
        <Text size="sm" fw={600} mt="xs">
          Refused again: {reason}.
        </Text>
      ) : null}
      {knownAtMs === undefined ? null : (
        <Text size="sm" mt="xs">
          It was sent. Whether it is refused again shows here in a moment.
        </Text>
      )}
      {outcome === 'not refused' ? (
        <Text size="sm" mt="xs">
          Not refused again. <UsageLinks deadLetter={deadLetter} nowMs={nowMs} />
        </Text>
      ) : null}
    </div>
  );
}

function UsageLinks({
  deadLetter,
  nowMs,
}: {
  readonly deadLetter: DeadLetter;
  readonly nowMs: number;
}) {
  return usageLinks(deadLetter, nowMs).map(({ path, text }) => (
    <span key={path}>
      <PageLink to={path}>{text}</PageLink>{' '}
    </span>
  ));
}
