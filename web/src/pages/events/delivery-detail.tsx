/** One delivery with every attempt, and how to send it again. */
import { Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, dataOf } from '../../api/client.ts';
import { hasRole, useMe } from '../../api/me.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { Facts, RawText } from '../../parts/facts.tsx';
import { PageLink } from '../../parts/link.tsx';
import { Empty, Loaded } from '../../parts/loaded.tsx';
import { Section } from '../../parts/section.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Steps } from '../../parts/steps.tsx';
import { Time } from '../../parts/time.tsx';
import { useList } from '../../parts/use-list.ts';
import { endpointPath, KEYS, messagePath, refresh, type Delivery } from './event-queries.ts';
import { answerText } from './last-answer.ts';

const POLL_MS = 2_000;

export function DeliveryDetail({ id }: { readonly id: string }) {
  const me = useMe();
  const delivery = useQuery({
    queryKey: [KEYS.deliveries, 'one', id],
    queryFn: ({ signal }) =>
      dataOf(api.GET('/api/v1/deliveries/{id}', { params: { path: { id } }, signal })),
    refetchInterval: ({ state: { data } }) => (data?.status === 'pending' ? POLL_MS : false),
  });
  return (
    <Loaded query={delivery}>
      {(found) => (
        <>
          <PageLink to={`/events/deliveries?endpoint=${encodeURIComponent(found.endpoint)}`}>
            All deliveries of {found.endpoint}
          </PageLink>
          <Section
            title="Delivery"
            actions={hasRole(me, 'operator') ? <Resend delivery={found} /> : null}
          >
            <DeliveryFacts delivery={found} />
          </Section>
          {/* Another attempt makes another list. */}
          <Attempts id={id} version={found.updated_at} />
        </>
      )}
    </Loaded>
  );
}

function DeliveryFacts({ delivery }: { readonly delivery: Delivery }) {
  return (
    <Facts
      facts={[
        ['Status', <StateBadge key="status" state={delivery.status} />],
        ['Last error', delivery.last_error],
        ['Last status code', delivery.last_status_code],
        ['Next attempt', <Time key="next" at={delivery.next_attempt_at} />],
        [
          'Endpoint',
          <PageLink key="endpoint" to={endpointPath(delivery.endpoint)}>
            {delivery.endpoint}
          </PageLink>,
        ],
        [
          'Message',
          <PageLink key="message" to={messagePath(delivery)}>
            {`${delivery.number} of ${delivery.client}, ${delivery.type}`}
          </PageLink>,
        ],
        ['Producer', delivery.producer],
        ['Event id', delivery.message_id],
        ['webhook-id', delivery.webhook_id],
        ['Created', <Time key="created" at={delivery.created_at} />],
        ['Changed', <Time key="updated" at={delivery.updated_at} />],
      ]}
    />
  );
}

function Resend({ delivery }: { readonly delivery: Delivery }) {
  const [endpoint, setEndpoint] = useState('');
  const target = endpoint === '' ? delivery.endpoint : endpoint;
  return (
    <ConfirmButton
      label="Send again"
      run={async () => {
        await dataOf(
          api.POST('/api/v1/deliveries/{id}/resend', {
            params: { path: { id: delivery.id } },
            body: endpoint === '' ? {} : { endpoint },
          }),
        );
        return `It is being sent to ${target}.`;
      }}
      onDone={() => {
        refresh('deliveries', 'endpoints');
      }}
    >
      <Text size="sm" mb="xs">
        Sends {delivery.type} number {delivery.number} of {delivery.client} to <b>{target}</b> at
        once, with the same webhook-id: a receiver that knows it drops it.
      </Text>
      <TextInput
        label="Another endpoint of the client"
        placeholder={delivery.endpoint}
        value={endpoint}
        onChange={(event) => {
          setEndpoint(event.currentTarget.value);
        }}
      />
    </ConfirmButton>
  );
}

function Attempts({ id, version }: { readonly id: string; readonly version: string }) {
  const attempts = useList([KEYS.deliveries, 'attempts', id, version], (after, signal) =>
    dataOf(
      api.GET('/api/v1/deliveries/{id}/attempts', {
        params: {
          path: { id },
          query: { limit: 100, ...(after === undefined ? {} : { after: Number(after) }) },
        },
        signal,
      }),
    ).then(({ data, next }) => ({ data, next: next === null ? null : String(next) })),
  );
  return (
    <Section title="Attempts">
      <Loaded query={attempts}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty>Nothing was sent yet.</Empty>
          ) : (
            <Steps
              label="Attempts"
              steps={rows.map((row) => ({
                key: String(row.number),
                title: `${row.number}. ${row.outcome}`,
                at: row.attempted_at,
                tone: row.outcome === 'delivered' ? 'good' : 'bad',
                children: (
                  <>
                    <Text size="sm">
                      After {row.duration_ms} ms: {answerText(row.status_code, row.error)}
                    </Text>
                    {row.response === null || row.response === '' ? null : (
                      <RawText label={`Answer ${row.number}`} text={row.response} />
                    )}
                  </>
                ),
              }))}
            />
          )
        }
      </Loaded>
    </Section>
  );
}
