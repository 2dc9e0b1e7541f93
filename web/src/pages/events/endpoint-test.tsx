/** Tests of an endpoint. The API keeps none, so the page keeps those of this visit. */
import { Button, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { api, dataOf } from '../../api/client.ts';
import type { paths } from '../../api/schema.d.ts';
import { Dialog } from '../../parts/confirm-button.tsx';
import { RawText } from '../../parts/facts.tsx';
import { Failure } from '../../parts/loaded.tsx';
import { Section } from '../../parts/section.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Steps } from '../../parts/steps.tsx';
import { answerText } from './last-answer.ts';

export type TestResult =
  paths['/api/v1/endpoints/{id}/test']['post']['responses']['200']['content']['application/json'];

const NOT_KEPT = 'Tests are not kept and do not count as attempts.';

/** Sends at once, because a test changes nothing, and shows what came of it. */
export function SendTest({
  id,
  onTested,
}: {
  readonly id: string;
  readonly onTested: (result: TestResult) => void;
}) {
  const test = useMutation({
    mutationFn: () => dataOf(api.POST('/api/v1/endpoints/{id}/test', { params: { path: { id } } })),
    onSuccess: onTested,
  });
  const { data, error } = test;
  return (
    <>
      <Button
        size="xs"
        variant="default"
        loading={test.isPending}
        onClick={() => {
          test.mutate();
        }}
      >
        Send test
      </Button>
      <Dialog
        title="Test"
        isOpen={data !== undefined || error !== null}
        onClose={() => {
          test.reset();
        }}
      >
        {error === null ? null : <Failure error={error} />}
        {data === undefined ? null : (
          <Stack gap="xs">
            <div>
              <StateBadge state={data.outcome} />
            </div>
            <Text size="sm">{outcomeOf(data)}</Text>
            <Text size="sm">webhook-id {data.webhook_id}</Text>
            {data.response === null || data.response === '' ? null : (
              <RawText label="Answer" text={data.response} />
            )}
            <Text size="sm">{NOT_KEPT}</Text>
          </Stack>
        )}
      </Dialog>
    </>
  );
}

/** @param results Of this visit, the newest first. */
export function Tests({ results }: { readonly results: readonly TestResult[] }) {
  if (results.length === 0) return null;
  return (
    <Section title="Tests of this visit">
      <Text size="sm" mb="sm">
        {NOT_KEPT}
      </Text>
      <Steps
        label="Tests of this visit"
        steps={results.map((result) => ({
          key: result.webhook_id,
          title: result.outcome,
          at: result.attempted_at,
          tone: result.outcome === 'delivered' ? 'good' : 'bad',
          children: outcomeOf(result),
        }))}
      />
    </Section>
  );
}

function outcomeOf({ duration_ms, status_code, error }: TestResult): string {
  return `After ${duration_ms} ms: ${answerText(status_code, error)}`;
}
