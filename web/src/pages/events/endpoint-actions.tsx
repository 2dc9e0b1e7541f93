/** What can be done with an endpoint. */
import { Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { api, dataOf } from '../../api/client.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { useHref } from '../../parts/link.tsx';
import { SecretOnce } from '../../parts/secret-once.tsx';
import { changeStatus } from './endpoint-queries.ts';
import { refresh, type Endpoint } from './event-queries.ts';

interface Props {
  readonly endpoint: Endpoint;
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
        missing={/^\d+$/.test(hours) ? [] : ['Overlap in hours must be a whole number.']}
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
