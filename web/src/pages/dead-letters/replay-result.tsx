/** What has become of a replay, in one sentence. */
import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { PageLink } from '../../parts/link.tsx';
import { digits } from '../../parts/words.ts';
import { WATCHED_MS, type DeadLetter } from './dead-letter-queries.ts';
import { replayOutcomeOf, usageLinks } from './replay-outcome.ts';
import { isRaised, plus, replaysOf, type NotedSum } from './hour-sum.ts';
import { notedKey, readHourSum } from './replay-sum.ts';

export function ReplayResult({ deadLetter }: { readonly deadLetter: DeadLetter }) {
  const [nowMs, setNowMs] = useState(Date.now);
  const outcome = replayOutcomeOf(deadLetter, nowMs);
  const raised = useRaisedSum(deadLetter, outcome !== undefined && outcome !== 'refused again');
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
  const { reason, queue, state } = deadLetter;
  if (outcome === undefined) {
    return state === 'replayed' ? (
      <Text size="sm">It was replayed. If it is refused again, it waits here again.</Text>
    ) : null;
  }
  return (
    <div role="status">
      {outcome === 'refused again' ? (
        <Text size="sm" fw={600} mt="xs">
          Refused again: {reason}.
        </Text>
      ) : (
        <Text size="sm" mt="xs">
          {outcome === 'not refused' ? (
            <>
              {raised === undefined ? notRefused(queue) : <Raised {...raised} />}{' '}
              <UsageLinks deadLetter={deadLetter} nowMs={nowMs} />
            </>
          ) : (
            'It was sent. What becomes of it shows here in a moment.'
          )}
        </Text>
      )}
    </div>
  );
}

/** Another pulse of the same amount would raise it just so. */
function Raised({ before, pulse }: NotedSum) {
  return (
    <>
      It was sent and not refused again. The usage of that hour rose by exactly its amount, from{' '}
      {digits(before)} to {digits(plus(before, pulse.amount))}.
    </>
  );
}

/** All that is known. While ingest is paused, a pulse is not even judged. */
function notRefused(queue: string | null): string {
  return queue === null
    ? 'It was sent and not refused again.'
    : 'It was sent and not refused again so far. If it is, it waits here again.';
}

const AGAIN_MS = 1_000;

/** The sum before the replay, once the replay has raised it; undefined if that cannot be told. */
function useRaisedSum(deadLetter: DeadLetter, isSent: boolean): NotedSum | undefined {
  const { id, actions } = deadLetter;
  const { data: noted } = useQuery<NotedSum>({
    queryKey: notedKey(id),
    queryFn: () => Promise.reject(new Error('It is noted by the replay.')),
    enabled: false,
  });
  // Somebody else may have replayed it since.
  const isOfThis = noted !== undefined && noted.replays + 1 === replaysOf(deadLetter);
  const untilMs = Date.parse(actions.at(-1)?.at ?? '') + WATCHED_MS;
  const { data: now } = useQuery({
    queryKey: [...notedKey(id), 'sum', noted],
    queryFn: ({ signal }) => (noted === undefined ? '0' : readHourSum(noted.pulse, signal)),
    enabled: isSent && isOfThis,
    staleTime: Infinity,
    refetchInterval: ({ state: { data } }) =>
      noted === undefined || isRaised(noted, data) || Date.now() > untilMs ? false : AGAIN_MS,
  });
  return noted !== undefined && isOfThis && isRaised(noted, now) ? noted : undefined;
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
