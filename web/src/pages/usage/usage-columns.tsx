/** The columns of the table. On narrow screens there are two: the others stand below the first and the amount. */
import type { ReactNode } from 'react';
import type { Column } from '../../parts/data-table.tsx';
import { digits } from '../../parts/words.ts';
import type { UsageQuestion } from './question.ts';
import type { UsageRow } from './usage-row.ts';
import { WindowTime } from './window-time.tsx';

interface Part {
  readonly head: string;
  readonly cell: (row: UsageRow) => ReactNode;
}

const WINDOW: Part = { head: 'From', cell: (row) => <WindowTime row={row} /> };
const TENANT: Part = { head: 'Tenant', cell: ({ tenant }) => <bdi>{tenant}</bdi> };
const SKU: Part = { head: 'SKU', cell: ({ product_sku: sku }) => <bdi>{sku}</bdi> };
const UNIT: Part = { head: 'Unit', cell: ({ use_unity: unit }) => <bdi>{unit}</bdi> };
const AMOUNT: Part = {
  head: 'Amount',
  cell: ({ used_amount: amount }) => <span className="amount">{digits(amount)}</span>,
};
const STATE: Part = {
  head: 'State',
  cell: ({ provisional }) =>
    provisional ? <span className="provisional-text">provisional</span> : null,
};
const PULSES: Part = { head: 'Pulses', cell: ({ pulse_count: pulses }) => digits(pulses) };

export function columnsFor(
  { window, group_by: groups = [] }: UsageQuestion,
  { hasProvisional, isNarrow }: { readonly hasProvisional: boolean; readonly isNarrow: boolean },
): Column<UsageRow>[] {
  const [first, ...others] = [
    ...(window === 'none' ? [] : [WINDOW]),
    ...(groups.includes('tenant') ? [TENANT] : []),
    ...(groups.includes('product_sku') ? [SKU] : []),
    // Before the amount, which may be long: a number without its unit says nothing.
    UNIT,
  ];
  const state = hasProvisional ? [STATE] : [];
  if (isNarrow) {
    const names = others.filter((part) => part !== UNIT);
    const unit = others.filter((part) => part === UNIT);
    return [
      { head: first.head, cell: stacked(first, names) },
      { head: AMOUNT.head, cell: stacked(AMOUNT, [...unit, ...state]), numeric: true },
    ];
  }
  return [first, ...others, { ...AMOUNT, numeric: true }, ...state, { ...PULSES, numeric: true }];
}

function stacked(top: Part, below: readonly Part[]): Part['cell'] {
  return function Stacked(row) {
    return (
      <>
        {top.cell(row)}
        {below.map(({ head, cell }) => (
          <span key={head} className="below">
            {cell(row)}
          </span>
        ))}
      </>
    );
  };
}
