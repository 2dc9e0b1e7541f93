/** Creates an order. */
import { ActionIcon, Autocomplete, Button, Group, Text, TextInput } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { api, dataOf } from '../../api/client.ts';
import { newUuid } from '../../api/new-uuid.ts';
import { queries } from '../../api/queries.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { useHref } from '../../parts/link.tsx';
import { emptyFields } from '../../parts/missing.ts';
import { useCatalogueNames } from './catalogue-names.ts';
import { ORDERS } from './order-queries.ts';

interface Item {
  readonly key: number;
  readonly sku: string;
  readonly qty: string;
}

const SHOWN_CHOICES_MAX = 50;
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
  return (
    <ConfirmButton
      label="New order"
      confirmLabel="Order"
      missing={[...emptyFields({ Customer: customer }), ...items.flatMap(itemFaults)]}
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
      <Suggested
        label="Customer"
        of="customers"
        value={customer}
        onChange={(id) => {
          setCustomer(id);
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

function itemFaults({ sku, qty }: Item, index: number): readonly string[] {
  const isWhole = /^[1-9]\d{0,6}$/.test(qty);
  return [
    ...emptyFields({ [`SKU ${index + 1}`]: sku }),
    ...(isWhole ? [] : [`Quantity ${index + 1} must be a whole number from 1 to 9999999.`]),
  ];
}

/** Any other text can be typed, too: an order may come before its customer or product. */
function Suggested({
  label,
  of,
  value,
  onChange,
}: {
  readonly label: string;
  readonly of: 'customers' | 'products';
  readonly value: string;
  readonly onChange: (text: string) => void;
}) {
  return (
    <Autocomplete
      label={label}
      required
      maxLength={128}
      data={[...useCatalogueNames(of)]}
      limit={SHOWN_CHOICES_MAX}
      // The dialog is the landmark that a screen reader is in.
      comboboxProps={{ withinPortal: false }}
      value={value}
      onChange={onChange}
    />
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
          <Suggested
            label={`SKU ${index + 1}`}
            of="products"
            value={sku}
            onChange={(chosen) => {
              change(key, { sku: chosen });
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
            title={items.length === 1 ? 'An order has at least one item.' : undefined}
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
