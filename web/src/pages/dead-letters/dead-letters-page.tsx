/** Dead letters: what could not be counted, and what to do about it. */
import { useRoute } from 'wouter';
import { DeadLetterDetail } from './dead-letter-detail.tsx';
import { DeadLettersList } from './dead-letters-list.tsx';

export function DeadLettersPage() {
  const [isDetail, parameters] = useRoute('/dead-letters/:id');
  return isDetail ? <DeadLetterDetail id={parameters.id} /> : <DeadLettersList />;
}
