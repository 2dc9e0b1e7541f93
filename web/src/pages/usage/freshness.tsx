/** How fresh an answer is, in words. */
import { Text } from '@mantine/core';
import { Time } from '../../parts/time.tsx';
import { count } from '../../parts/words.ts';
import type { UsageQuestion } from './question.ts';
import type { Freshness } from './use-usage.ts';

export function FreshnessInWords({
  freshness,
  question,
}: {
  readonly freshness: Freshness;
  readonly question: UsageQuestion;
}) {
  const { complete_through: complete, final_through: final, pending, journalled } = freshness;
  return (
    <Text size="sm" mb="sm" data-testid="freshness">
      {question.as_of === undefined ? null : (
        <>
          As the books stood at <Time at={question.as_of} />.{' '}
        </>
      )}
      {pending === null
        ? 'Only what was flushed is included. '
        : `Everything counted is included. ${pendingText(pending)}`}
      {journalled === null || journalled === 0
        ? ''
        : `${count(journalled, 'received pulse')} of all tenants ${journalled === 1 ? 'waits' : 'wait'} in the journal and ${journalled === 1 ? 'is' : 'are'} in no sum yet. `}
      Complete through <Time at={complete} />: nothing counted of the time before waits for a flush.
      Final through <Time at={final} />: nothing can be added to the time before.
    </Text>
  );
}

function pendingText(pending: number): string {
  if (pending === 0) return '';
  return `${count(pending, 'pulse')} of this answer ${pending === 1 ? 'is' : 'are'} counted and not flushed yet, marked provisional: exact, and may still grow. `;
}
