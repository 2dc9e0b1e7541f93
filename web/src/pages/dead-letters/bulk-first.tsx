/** The oldest of those that a bulk action is about, with what becomes of them where the console can judge that. */
import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, dataOf } from '../../api/client.ts';
import { lossyTextOf } from '../../parts/body-text.ts';
import { Time } from '../../parts/time.tsx';
import { digits } from '../../parts/words.ts';
import type { BulkKind, DryRun } from './bulk-queries.ts';
import { refusalOf } from './judge-body.ts';

export function FirstOnes({ kind, found }: { readonly kind: BulkKind; readonly found: DryRun }) {
  const refusals = useRefusals(kind === 'replay' ? found.first.map(({ id }) => id) : []);
  return (
    <div>
      <Text size="sm">
        {Object.entries(found.by_reason)
          .map(([reason, number]) => `${reason} ${digits(number)}`)
          .join(', ')}
        . The oldest:
      </Text>
      <ul className="plain-list">
        {found.first.map(({ id, received_at, tenant, detail }) => (
          <li key={id}>
            <Time at={received_at} /> {tenant ?? 'no tenant'}: {detail}
            {refusals.get(id) === undefined ? null : <b> {refusals.get(id)}</b>}
          </li>
        ))}
      </ul>
      {refusals.size === 0 ? null : (
        <Text size="sm" mt="xs">
          {refusals.size === found.first.length ? 'All' : `${refusals.size}`} of these will wait
          here again: fix them one by one, or discard them.
        </Text>
      )}
    </div>
  );
}

/** What is said of each that will be refused again. */
function useRefusals(ids: readonly string[]): ReadonlyMap<string, string> {
  const { data } = useQuery({
    queryKey: ['bulk', 'judged', ids],
    enabled: ids.length > 0,
    gcTime: 0,
    queryFn: async ({ signal }) => {
      const letters = await Promise.all(
        ids.map((id) =>
          dataOf(api.GET('/api/v1/dead-letters/{id}', { params: { path: { id } }, signal })),
        ),
      );
      const judged = letters.map(
        (letter) => [letter.id, refusalOf(lossyTextOf(letter.body), letter, Date.now())] as const,
      );
      return judged.filter((pair): pair is [string, string] => pair[1] !== undefined);
    },
  });
  return new Map(data);
}
