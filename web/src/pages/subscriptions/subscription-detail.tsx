/** One subscription with all its changes. */
import { Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, dataOf } from '../../api/client.ts';
import { hasRole, useMe } from '../../api/me.ts';
import { Facts } from '../../parts/facts.tsx';
import { PageLink } from '../../parts/link.tsx';
import { Loaded } from '../../parts/loaded.tsx';
import { Section } from '../../parts/section.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Steps } from '../../parts/steps.tsx';
import { Time } from '../../parts/time.tsx';
import { useList } from '../../parts/use-list.ts';
import { ChangeStatus, Withdraw } from './subscription-actions.tsx';
import { SUBSCRIPTIONS, type Change, type Subscription } from './subscription-queries.ts';

const POLL_MS = 2_000;

export function SubscriptionDetail({ id }: { readonly id: string }) {
  const subscription = useQuery({
    queryKey: [SUBSCRIPTIONS, 'one', id],
    queryFn: ({ signal }) =>
      dataOf(api.GET('/api/v1/subscriptions/{id}', { params: { path: { id } }, signal })),
    // A scheduled change takes effect while somebody looks.
    refetchInterval: ({ state: { data } }) => (data?.pending.length ? POLL_MS : false),
  });
  return (
    <Loaded query={subscription}>
      {(found) => (
        <>
          <Section title={titleOf(found)} actions={<Actions subscription={found} />}>
            <Head subscription={found} />
          </Section>
          {/* Every change raises the version. */}
          <Changes subscription={found} />
        </>
      )}
    </Loaded>
  );
}

export function titleOf({ user_id, sku }: Subscription): string {
  return `${sku ?? 'Every product'} for ${user_id}`;
}

function Actions({ subscription }: { readonly subscription: Subscription }) {
  const me = useMe();
  if (!hasRole(me, 'operator')) {
    return (
      <Text size="sm" c="dimmed">
        Operators can cancel and restart it.
      </Text>
    );
  }
  // What it will be once the scheduled changes have taken effect decides what can follow.
  const last = subscription.pending.at(-1)?.kind;
  const isCanceled = last === undefined ? subscription.status === 'canceled' : last === 'canceled';
  return (
    <Group gap="xs">
      <ChangeStatus
        key={subscription.version}
        subscription={subscription}
        kind={isCanceled ? 'restarted' : 'canceled'}
      />
    </Group>
  );
}

function Head({ subscription }: { readonly subscription: Subscription }) {
  const { id, user_id, sku, order_id, tenant, status, created_at, updated_at } = subscription;
  return (
    <Facts
      facts={[
        ['Status', <StateBadge key="status" state={status} />],
        [
          'User',
          <PageLink key="user" to={`/subscriptions?user_id=${encodeURIComponent(user_id)}`}>
            {user_id}
          </PageLink>,
        ],
        ['SKU', sku ?? 'every product'],
        [
          'Tenant',
          tenant === null ? null : (
            <PageLink to={`/usage?tenant=${encodeURIComponent(tenant)}`}>{tenant}</PageLink>
          ),
        ],
        [
          'Order',
          order_id === null ? null : <PageLink to={`/orders/${order_id}`}>{order_id}</PageLink>,
        ],
        ['Purchased', <Time key="created" at={created_at} />],
        ['Changed', <Time key="updated" at={updated_at} />],
        ['Id', id],
      ]}
    />
  );
}

const TONES = { in_effect: 'good', pending: 'waiting', withdrawn: undefined } as const;
const STATES = { in_effect: '', pending: ', scheduled', withdrawn: ', withdrawn' } as const;

function Changes({ subscription }: { readonly subscription: Subscription }) {
  const { id, version, pending } = subscription;
  const me = useMe();
  const changes = useList([SUBSCRIPTIONS, 'changes', id, version], (after, signal) =>
    dataOf(
      api.GET('/api/v1/subscriptions/{id}/changes', {
        params: {
          path: { id },
          query: { limit: 1_000, ...(after === undefined ? {} : { after: Number(after) }) },
        },
        signal,
      }),
    ).then(({ data, next }) => ({ data, next: next === null ? null : String(next) })),
  );
  const lastPending = pending.at(-1)?.number;
  return (
    <Section title="Changes">
      <Loaded query={changes}>
        {(rows) => (
          <Steps
            label="Changes"
            steps={rows.map((change) => ({
              key: String(change.number),
              title: `${change.kind}${STATES[change.state]}`,
              at: change.effective_at,
              tone:
                change.state === 'in_effect' && change.kind === 'canceled'
                  ? 'bad'
                  : TONES[change.state],
              children: (
                <>
                  <Text size="sm">
                    <Who change={change} />
                  </Text>
                  {change.number === lastPending && hasRole(me, 'operator') ? (
                    <Withdraw subscription={subscription} change={change} />
                  ) : null}
                </>
              ),
            }))}
          />
        )}
      </Loaded>
    </Section>
  );
}

const CAUSES = {
  api: 'over the API',
  rpc: 'by a message',
  order: 'by an order',
  command: 'on the command line',
} as const;

function Who({ change }: { readonly change: Change }) {
  return (
    <>
      {change.cause === 'order' ? '' : change.changed_by} {CAUSES[change.cause]},{' '}
      <Time at={change.changed_at} />
      {change.withdrawn_by === null ? null : (
        <>
          ; withdrawn by {change.withdrawn_by}, <Time at={change.withdrawn_at} />
        </>
      )}
    </>
  );
}
