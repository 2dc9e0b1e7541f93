/** Creates an order. */
import { ActionIcon, Button, Group, Text, TextInput } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { api, dataOf } from '../../api/client.ts';
import { newUuid } from '../../api/new-uuid.ts';
import { queries } from '../../api/queries.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { useHref } from '../../parts/link.tsx';
import { ORDERS } from './order-queries.ts';

interface Item {
  readonly key: number;
  readonly sku: string;
  readonly qty: string;
}

const FIRST: Item = { key: 0, sku: '', qty: '1' };

export function NewOrder() {
  const [, navigate] = useLocation();
  const href = useHref();
  const [customer, setCustomer] = useState('');
  const [currency, setCurrency] = useState('');
  const [items, setItems] = useState<readonly Item[]>([FIRST]);
  // The same for every try of one order, so that a lost answer does not make a second order.
  const [key, setKey] = useState(newUuid);
  const [accepted, setAccepted] = useState<string>();
  const wanted = items.map(({ sku, qty }) => ({ sku, qty: Number(qty) }));
  const isReady =
    customer !== '' && items.every(({ sku, qty }) => sku !== '' && /^[1-9]\d{0,6}$/.test(qty));
  return (
    <ConfirmButton
      label="New order"
      confirmLabel="Order"
      isReady={isReady}
      run={async () => {
        const { order_id } = await dataOf(
          api.POST('/api/v1/orders', {
            body: {
              customer_id: customer,
              items: wanted,
              ...(currency === '' ? {} : { currency }),
            },
            headers: { 'idempotency-key': key },
          }),
        );
        setAccepted(order_id);
        void queries.invalidateQueries({ queryKey: [ORDERS] });
        navigate(href(`/orders/${order_id}`));
        return `Order ${order_id} is accepted.`;
      }}
      onDone={() => {
        setKey(newUuid());
      }}
    >
      <TextInput
        label="Customer"
        required
        maxLength={128}
        value={customer}
        onChange={(event) => {
          setCustomer(event.currentTarget.value);
          setKey(newUuid());
        }}
      />
      <TextInput
        label="Currency"
        description="Empty: the one that is configured."
        maxLength={3}
        value={currency}
        onChange={(event) => {
          setCurrency(event.currentTarget.value.toUpperCase());
          setKey(newUuid());
        }}
      />
      <Items
        items={items}
        setItems={(next) => {
          setItems(next);
          setKey(newUuid());
        }}
      />
      {accepted === undefined ? null : <Text size="sm">The last order was {accepted}.</Text>}
    </ConfirmButton>
  );
}

function Items({
  items,
  setItems,
}: {
  readonly items: readonly Item[];
  readonly setItems: (items: readonly Item[]) => void;
}) {
  const change = (key: number, changes: Partial<Item>) => {
    setItems(items.map((item) => (item.key === key ? { ...item, ...changes } : item)));
  };
  return (
    <>
      {items.map(({ key, sku, qty }, index) => (
        <Group key={key} align="flex-end" gap="xs" wrap="nowrap">
          <TextInput
            label={`SKU ${index + 1}`}
            required
            maxLength={128}
            value={sku}
            onChange={(event) => {
              change(key, { sku: event.currentTarget.value });
            }}
          />
          <TextInput
            label={`Quantity ${index + 1}`}
            required
            inputMode="numeric"
            value={qty}
            onChange={(event) => {
              change(key, { qty: event.currentTarget.value });
            }}
          />
          <ActionIcon
            variant="default"
            size="lg"
            aria-label={`Remove item ${index + 1}`}
            disabled={items.length === 1}
            onClick={() => {
              setItems(items.filter((item) => item.key !== key));
            }}
          >
            <IconX size={16} aria-hidden />
          </ActionIcon>
        </Group>
      ))}
      <Button
        mt="xs"
        size="compact-xs"
        variant="default"
        onClick={() => {
          const last = items.at(-1)?.key ?? 0;
          setItems([...items, { key: last + 1, sku: '', qty: '1' }]);
        }}
      >
        Add an item
      </Button>
    </>
  );
}
