/** One endpoint: how it does, what was sent to it last, and what can be done with it. */
import { Alert, Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, dataOf } from '../../api/client.ts';
import { hasRole, useMe } from '../../api/me.ts';
import { Facts } from '../../parts/facts.tsx';
import { PageLink } from '../../parts/link.tsx';
import { ListView } from '../../parts/list-view.tsx';
import { Loaded } from '../../parts/loaded.tsx';
import { Section } from '../../parts/section.tsx';
import { Time } from '../../parts/time.tsx';
import { useList } from '../../parts/use-list.ts';
import { DELIVERY_COLUMNS, deliveryPath } from './deliveries-tab.tsx';
import { DeleteEndpoint, EnableOrDisable, Rotate } from './endpoint-actions.tsx';
import { EndpointForm } from './endpoint-form.tsx';
import { healthOf, NOTHING_DELIVERED } from './endpoint-health.ts';
import { SendTest, Tests, type TestResult } from './endpoint-test.tsx';
import { afterIf, KEYS, type Endpoint } from './event-queries.ts';
import { Recover } from './recover.tsx';

const SHOWN = 20;

export function EndpointDetail({ id }: { readonly id: string }) {
  const me = useMe();
  const [tests, setTests] = useState<readonly TestResult[]>([]);
  const endpoint = useQuery({
    queryKey: [KEYS.endpoints, 'one', id],
    queryFn: ({ signal }) =>
      dataOf(api.GET('/api/v1/endpoints/{id}', { params: { path: { id } }, signal })),
  });
  return (
    <Loaded query={endpoint}>
      {(found) => (
        <>
          <PageLink to="/events/endpoints">All endpoints</PageLink>
          <Section
            title={id}
            actions={
              hasRole(me, 'operator') ? (
                <Actions
                  endpoint={found}
                  onTested={(result) => {
                    setTests((before) => [result, ...before]);
                  }}
                />
              ) : (
                <Text size="sm" c="dimmed">
                  Operators can change it.
                </Text>
              )
            }
          >
            <Health endpoint={found} />
            <EndpointFacts endpoint={found} />
          </Section>
          <Tests results={tests} />
          <LastDeliveries id={id} />
        </>
      )}
    </Loaded>
  );
}

function Actions({
  endpoint,
  onTested,
}: {
  readonly endpoint: Endpoint;
  readonly onTested: (result: TestResult) => void;
}) {
  return (
    <Group gap="xs">
      <SendTest id={endpoint.id} onTested={onTested} />
      <EndpointForm label="Edit" endpoint={endpoint} />
      <EnableOrDisable endpoint={endpoint} />
      <Recover endpoint={endpoint} />
      <Rotate endpoint={endpoint} />
      <DeleteEndpoint endpoint={endpoint} />
    </Group>
  );
}

function Health({ endpoint }: { readonly endpoint: Endpoint }) {
  const { state, words } = healthOf(endpoint);
  const color = state === 'ok' ? 'green' : state === 'enabled' ? 'gray' : 'orange';
  return (
    <Alert color={color} mb="md" title={state}>
      <Text size="sm">{words}</Text>
      {endpoint.failing_since === null ? null : (
        <Text size="sm">
          It has failed since <Time at={endpoint.failing_since} />. After 5 days it is disabled.
        </Text>
      )}
    </Alert>
  );
}

function EndpointFacts({ endpoint }: { readonly endpoint: Endpoint }) {
  return (
    <Facts
      facts={[
        ['URL', endpoint.url],
        ['Client', endpoint.client],
        ['Description', endpoint.description],
        ['Types', endpoint.types === null ? 'all' : endpoint.types.join(', ')],
        ['Filter', endpoint.filter === null ? 'none' : JSON.stringify(endpoint.filter)],
        ['Order', endpoint.fifo ? 'one after another' : 'any'],
        [
          'Rate',
          endpoint.rate_per_second === null ? 'no limit' : `${endpoint.rate_per_second} a second`,
        ],
        ['Last attempt', <Time key="attempt" at={endpoint.last_attempt_at} />],
        ['Last success', <Time key="success" at={endpoint.last_success_at} />],
        ['Created', <Time key="created" at={endpoint.created_at} />],
        ['Changed', <Time key="updated" at={endpoint.updated_at} />],
      ]}
    />
  );
}

function LastDeliveries({ id }: { readonly id: string }) {
  const list = useList([KEYS.deliveries, 'list', { endpoint: id }, SHOWN], (after, signal) =>
    dataOf(
      api.GET('/api/v1/deliveries', {
        params: { query: { endpoint: id, limit: SHOWN, ...afterIf(after) } },
        signal,
      }),
    ),
  );
  return (
    <Section
      title="Last deliveries"
      actions={
        <Group gap="md">
          <PageLink to={`/events/deliveries?endpoint=${encodeURIComponent(id)}&status=pending`}>
            Waiting ones
          </PageLink>
          <PageLink to={`/events/deliveries?endpoint=${encodeURIComponent(id)}&status=failed`}>
            Failed ones
          </PageLink>
        </Group>
      }
    >
      <ListView
        label="Last deliveries"
        list={list}
        columns={DELIVERY_COLUMNS.filter(({ head }) => head !== 'Endpoint' && head !== 'Client')}
        rowKey={({ id: deliveryId }) => deliveryId}
        pathOf={deliveryPath}
        empty={NOTHING_DELIVERED}
      />
    </Section>
  );
}
