/** Subscriptions: who has which product since when, and usage without one. */
import { Page } from '../../parts/page.tsx';
import { useSegments } from '../../parts/segments.ts';
import { Tabs } from '../../parts/tabs.tsx';
import { SubscriptionDetail } from './subscription-detail.tsx';
import { SubscriptionsList } from './subscriptions-list.tsx';
import { UnsubscribedUsage } from './unsubscribed-usage.tsx';

const UNSUBSCRIBED = 'unsubscribed';

const TABS = [
  { path: '/subscriptions', label: 'Subscriptions', isExact: true },
  { path: `/subscriptions/${UNSUBSCRIBED}`, label: 'Usage without one' },
];

export function SubscriptionsPage() {
  const [, id] = useSegments();
  return (
    <Page title={id === undefined || id === UNSUBSCRIBED ? 'Subscriptions' : 'Subscription'}>
      <Tabs label="Subscriptions" tabs={TABS} />
      {id === undefined ? (
        <SubscriptionsList />
      ) : id === UNSUBSCRIBED ? (
        <UnsubscribedUsage />
      ) : (
        <SubscriptionDetail id={id} />
      )}
    </Page>
  );
}
