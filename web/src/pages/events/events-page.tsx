/** Events: their types, who sends them, who gets them, and what became of each. */
import { Page } from '../../parts/page.tsx';
import { useSegments } from '../../parts/segments.ts';
import { Tabs } from '../../parts/tabs.tsx';
import { DeliveriesTab } from './deliveries-tab.tsx';
import { DeliveryDetail } from './delivery-detail.tsx';
import { EndpointDetail } from './endpoint-detail.tsx';
import { EndpointsTab } from './endpoints-tab.tsx';
import { EventTypeDetail } from './event-type-detail.tsx';
import { MessageDetail } from './message-detail.tsx';
import { MessagesTab } from './messages-tab.tsx';
import { ProducersTab } from './producers-tab.tsx';
import { TypesTab } from './types-tab.tsx';

const TABS = [
  { path: '/events/types', label: 'Types' },
  { path: '/events/producers', label: 'Producers' },
  { path: '/events/endpoints', label: 'Endpoints' },
  { path: '/events/messages', label: 'Messages' },
  { path: '/events/deliveries', label: 'Deliveries' },
];

export function EventsPage() {
  const [, tab = 'types', name, more] = useSegments();
  return (
    <Page title="Events">
      <Tabs label="Events" tabs={TABS} />
      <Tab tab={tab} name={name} more={more} />
    </Page>
  );
}

interface TabProps {
  readonly tab: string;
  /** Of the thing whose detail is open. */
  readonly name: string | undefined;
  readonly more: string | undefined;
}

function Tab({ tab, name, more }: TabProps) {
  if (tab === 'producers') return <ProducersTab />;
  if (tab === 'endpoints') {
    return name === undefined ? <EndpointsTab /> : <EndpointDetail id={name} />;
  }
  if (tab === 'messages') {
    if (name === undefined || more === undefined) return <MessagesTab />;
    return <MessageDetail client={name} number={more} />;
  }
  if (tab === 'deliveries') {
    return name === undefined ? <DeliveriesTab /> : <DeliveryDetail id={name} />;
  }
  return name === undefined ? <TypesTab /> : <EventTypeDetail name={name} />;
}
