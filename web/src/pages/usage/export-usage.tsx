/** Requests an export of what the page shows, as far as it is flushed. */
import { Text } from '@mantine/core';
import { useRef } from 'react';
import { useLocation } from 'wouter';
import { api, dataOf } from '../../api/client.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { useHref } from '../../parts/link.tsx';
import type { UsageQuestion } from './question.ts';

export function ExportUsage({ question }: { readonly question: UsageQuestion }) {
  const [, navigate] = useLocation();
  const href = useHref();
  const id = useRef('');
  const { live, as_of: asOf, ...parameters } = question;
  return (
    <ConfirmButton
      label="Export"
      confirmLabel="Request the export"
      run={async () => {
        const made = await dataOf(
          api.POST('/api/v1/exports', {
            body: {
              report: 'usage',
              // The description leaves open what each report takes.
              parameters: parameters as unknown as Record<string, never>,
              ...(asOf === undefined ? {} : { as_of: asOf }),
            },
          }),
        );
        id.current = made.id;
        return 'The export is requested.';
      }}
      onDone={() => {
        navigate(href(`/exports/${id.current}`));
      }}
    >
      <Text size="sm">
        Writes every row of this question to a CSV file with a manifest, in the background. It has
        what is flushed, not what is only counted.
        {live === undefined && asOf === undefined
          ? ' So its last hours may be less than what this page shows.'
          : ''}
      </Text>
    </ConfirmButton>
  );
}
