/** One order: its priced items, its history, and why it failed. */
import { Alert, Table, Text } from '@mantine/core';
import { Facts, RawText } from '../../parts/facts.tsx';
import { PageLink } from '../../parts/link.tsx';
import { Loaded } from '../../parts/loaded.tsx';
import { Page } from '../../parts/page.tsx';
import { Section } from '../../parts/section.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Steps } from '../../parts/steps.tsx';
import { Time } from '../../parts/time.tsx';
import { digits } from '../../parts/words.ts';
import { productPath, repairOf } from './cause.ts';
import { failureSpans } from './dead-letter-of.ts';
import { useDeadLetterOf, useEventsOf, useOrder, type Order } from './order-queries.ts';

export function OrderDetail({ id }: { readonly id: string }) {
  const order = useOrder(id);
  return (
    <Page title="Order">
      <PageLink to="/orders">All orders</PageLink>
      <Loaded query={order}>
        {(found) => (
          <>
            {found.failure === null ? null : <Failed order={found} failure={found.failure} />}
            <Head order={found} />
            <Items order={found} />
            <History order={found} />
            <Events order={found} />
            {found.enrichment === null || found.enrichment === undefined ? null : (
              <Section title="Enrichment">
                <RawText label="Enrichment" text={JSON.stringify(found.enrichment, null, 2)} />
              </Section>
            )}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Failed({
  order,
  failure,
}: {
  readonly order: Order;
  readonly failure: NonNullable<Order['failure']>;
}) {
  const deadLetter = useDeadLetterOf(order);
  const repair = repairOf(order);
  const spans = failureSpans(order);
  const [from, to] = [(spans[1] ?? spans[0])?.from ?? '', spans[0]?.to ?? ''];
  return (
    <Alert color="red" title={`It failed: ${failure.code}`} my="md">
      <Text size="sm" className="anywhere">
        {failure.detail}
      </Text>
      {repair === undefined ? null : (
        <Text size="sm" mt="xs">
          The cause: <PageLink to={repair.path}>{repair.text}</PageLink>.
        </Text>
      )}
      <Text size="sm" mt="xs">
        Fix the cause, then replay its dead letter: the order continues from that step.{' '}
        {deadLetter.data === undefined || deadLetter.data === null ? (
          <PageLink to={`/dead-letters?state=any&from=${from}&to=${to}`}>
            Dead letters since it first failed
          </PageLink>
        ) : (
          <PageLink to={`/dead-letters/${deadLetter.data}`}>Its dead letter</PageLink>
        )}
      </Text>
    </Alert>
  );
}

function Head({ order }: { readonly order: Order }) {
  const { id, status, customer_id, currency, total_amount, created_at, updated_at } = order;
  const customer = encodeURIComponent(customer_id);
  return (
    <Facts
      facts={[
        ['Status', <StateBadge key="status" state={status} />],
        ['Total', total_amount === null ? null : `${digits(total_amount)} ${currency}`],
        [
          'Customer',
          <PageLink key="customer" to={`/orders?customer_id=${customer}`}>
            {customer_id}
          </PageLink>,
        ],
        [
          'Subscriptions',
          <PageLink key="subscriptions" to={`/subscriptions?user_id=${customer}`}>
            of this customer
          </PageLink>,
        ],
        ['Accepted', <Time key="created" at={created_at} />],
        ['Changed', <Time key="updated" at={updated_at} />],
        ['Id', id],
      ]}
    />
  );
}

function Items({ order: { items, currency, total_amount } }: { readonly order: Order }) {
  return (
    <Section title="Items">
      <div className="scroll" tabIndex={0} role="region" aria-label="Items">
        <Table className="data-table">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>SKU</Table.Th>
              <Table.Th className="numeric">Quantity</Table.Th>
              <Table.Th className="numeric">Price of the last unit</Table.Th>
              <Table.Th className="numeric">Amount</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map(({ sku, qty, unit_amount, amount }) => (
              <Table.Tr key={sku}>
                <Table.Td>
                  <PageLink to={productPath(sku)}>{sku}</PageLink>
                </Table.Td>
                <Table.Td className="numeric">{digits(qty)}</Table.Td>
                <Table.Td className="numeric">
                  {unit_amount === undefined ? '–' : `${digits(unit_amount)} ${currency}`}
                </Table.Td>
                <Table.Td className="numeric">
                  {amount === undefined ? '–' : `${digits(amount)} ${currency}`}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
          {total_amount === null ? null : (
            <Table.Tfoot>
              <Table.Tr>
                <Table.Th colSpan={3}>Total</Table.Th>
                <Table.Th className="numeric">
                  {digits(total_amount)} {currency}
                </Table.Th>
              </Table.Tr>
            </Table.Tfoot>
          )}
        </Table>
      </div>
    </Section>
  );
}

const TONES = {
  completed: 'good',
  failed: 'bad',
  pending: 'waiting',
  processing: 'waiting',
} as const;

function History({ order }: { readonly order: Order }) {
  return (
    <Section title="History">
      <Steps
        label="History"
        steps={order.history.map(({ version, status, reason, detail, at }) => ({
          key: String(version),
          title: reason === status ? status : `${status}: ${reason}`,
          at,
          tone: TONES[status],
          children: detail,
        }))}
      />
    </Section>
  );
}

/** What the customer was told about it. */
function Events({ order }: { readonly order: Order }) {
  const { customer_id } = order;
  const events = useEventsOf(order);
  return (
    <Section title="Events">
      <Loaded query={events}>
        {(found) =>
          found.length === 0 ? (
            <Text size="sm" c="dimmed">
              The customer was told nothing about it yet.
            </Text>
          ) : (
            <ul className="plain-list">
              {found.map(({ number, type, stored_at }) => (
                <li key={number}>
                  <PageLink to={`/events/messages/${encodeURIComponent(customer_id)}/${number}`}>
                    {`${type}, number ${number}`}
                  </PageLink>{' '}
                  <Time at={stored_at} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Section>
  );
}
