/** What can be done with an endpoint. */
import { Button, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { api, dataOf } from '../../api/client.ts';
import { ConfirmButton, Dialog } from '../../parts/confirm-button.tsx';
import { RawText } from '../../parts/facts.tsx';
import { useHref } from '../../parts/link.tsx';
import { Failure } from '../../parts/loaded.tsx';
import { SecretOnce } from '../../parts/secret-once.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { changeStatus } from './endpoint-queries.ts';
import { refresh, type Endpoint } from './event-queries.ts';
import { answerText } from './last-answer.ts';

interface Props {
  readonly endpoint: Endpoint;
}

/** Sends at once, because a test changes nothing, and shows what came of it. */
export function SendTest({ endpoint: { id } }: Props) {
  const test = useMutation({
    mutationFn: () => dataOf(api.POST('/api/v1/endpoints/{id}/test', { params: { path: { id } } })),
    onSettled: () => {
      refresh('endpoints', 'deliveries');
    },
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
            <Text size="sm">
              After {data.duration_ms} ms: {answerText(data.status_code, data.error)}
            </Text>
            <Text size="sm">webhook-id {data.webhook_id}</Text>
            {data.response === null || data.response === '' ? null : (
              <RawText label="Answer" text={data.response} />
            )}
          </Stack>
        )}
      </Dialog>
    </>
  );
}

export function EnableOrDisable({ endpoint }: Props) {
  const next = endpoint.status === 'enabled' ? 'disabled' : 'enabled';
  return (
    <ConfirmButton
      // The dialog that is closing must not offer the opposite.
      key={next}
      label={next === 'enabled' ? 'Enable' : 'Disable'}
      run={async () => {
        await changeStatus(endpoint.id, next);
        return `${endpoint.id} is ${next}.`;
      }}
      onDone={() => {
        refresh('endpoints');
      }}
    >
      <Text size="sm">
        {next === 'enabled'
          ? `Sends the events of ${endpoint.client} to ${endpoint.url} again, beginning with those that wait. It gets no events from the time while it was disabled: recover them afterwards.`
          : `Sends nothing to ${endpoint.url} until it is enabled. What waits stays; events that are stored meanwhile are not sent to it unless somebody recovers them.`}
      </Text>
    </ConfirmButton>
  );
}

const OVERLAP_HOURS = '24';

export function Rotate({ endpoint: { id } }: Props) {
  const [hours, setHours] = useState(OVERLAP_HOURS);
  const [secret, setSecret] = useState<string>();
  return (
    <>
      <ConfirmButton
        label="Rotate secret"
        confirmLabel="Rotate"
        isReady={/^\d+$/.test(hours)}
        run={async () => {
          const rotated = await dataOf(
            api.POST('/api/v1/endpoints/{id}/rotate-secret', {
              params: { path: { id } },
              body: { overlap_hours: Number(hours) },
            }),
          );
          setSecret(rotated.secret);
          return `${id} has a new secret.`;
        }}
        onDone={() => {
          refresh('endpoints');
        }}
      >
        <Text size="sm" mb="xs">
          Makes a new secret for {id}. Until the overlap ends, webhooks are signed with both, so the
          receiver can change at any time within. Another rotation within it drops the oldest of the
          three at once.
        </Text>
        <TextInput
          label="Overlap in hours"
          inputMode="numeric"
          value={hours}
          onChange={(event) => {
            setHours(event.currentTarget.value);
          }}
        />
      </ConfirmButton>
      <SecretOnce
        secret={secret}
        onClose={() => {
          setSecret(undefined);
        }}
      >
        {`This is the new secret of ${id}.`}
      </SecretOnce>
    </>
  );
}

export function DeleteEndpoint({ endpoint: { id, client, url } }: Props) {
  const [, navigate] = useLocation();
  const href = useHref();
  return (
    <ConfirmButton
      label="Delete"
      color="red"
      run={async () => {
        await api.DELETE('/api/v1/endpoints/{id}', { params: { path: { id } } });
        return `The endpoint ${id} is deleted.`;
      }}
      onDone={() => {
        refresh('endpoints', 'deliveries');
        navigate(href('/events/endpoints'));
      }}
    >
      <Text size="sm">
        Deletes the endpoint <b>{id}</b> of {client}. Nothing more is sent to {url}, and deliveries
        that wait for it fail. This cannot be undone: a new endpoint has another secret.
      </Text>
    </ConfirmButton>
  );
}
