/** The catalogue: customers, products with their prices, and units. */
import { Tabs } from '@mantine/core';
import { useSegments } from '../../parts/segments.ts';
import { Page } from '../../parts/page.tsx';
import { useParameter } from '../../parts/url-state.ts';
import { CustomerDetail, CustomersList } from './customers.tsx';
import { ProductDetail } from './product-detail.tsx';
import { ProductsList } from './products.tsx';
import { UnitsList } from './units.tsx';

const TABS = {
  customers: { label: 'Customers', List: CustomersList },
  products: { label: 'Products', List: ProductsList },
  units: { label: 'Units', List: UnitsList },
} as const;
type TabName = keyof typeof TABS;

export function CataloguePage() {
  const [, kind, name] = useSegments();
  if (name === undefined) return <Lists />;
  return kind === 'customers' ? <CustomerDetail id={name} /> : <ProductDetail sku={name} />;
}

function Lists() {
  const [named, setTab] = useParameter('tab');
  const tab: TabName = named in TABS ? (named as TabName) : 'customers';
  const { List } = TABS[tab];
  return (
    <Page title="Catalogue">
      <Tabs
        value={tab}
        onChange={(chosen) => {
          setTab(chosen ?? '');
        }}
      >
        <Tabs.List mb="md">
          {Object.entries(TABS).map(([name, { label }]) => (
            <Tabs.Tab key={name} value={name}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {Object.keys(TABS).map((name) => (
          <Tabs.Panel key={name} value={name}>
            {name === tab ? <List /> : null}
          </Tabs.Panel>
        ))}
      </Tabs>
    </Page>
  );
}
