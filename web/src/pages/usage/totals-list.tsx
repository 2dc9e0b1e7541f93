/** What all rows of the table add up to. */
import { Text } from '@mantine/core';
import { digits } from '../../parts/words.ts';
import type { UsageRow } from './usage-row.ts';
import { totalsOf } from './totals.ts';

/** More would push the table out of sight. */
const UNITS_MAX = 6;

export function TotalsList({
  rows,
  hasMore,
}: {
  readonly rows: readonly UsageRow[];
  readonly hasMore: boolean;
}) {
  if (hasMore) {
    return (
      <Text size="sm" mb="sm">
        Not all rows are loaded. The window “whole range” shows the total.
      </Text>
    );
  }
  const totals = totalsOf(rows);
  // Each row is the total of its unit.
  if (totals.length === rows.length) return null;
  return (
    <ul className="totals" aria-label="Total">
      {totals.slice(0, UNITS_MAX).map(({ unit, amount }) => (
        <li key={unit}>
          Total <b className="tabular">{digits(amount)}</b> <bdi>{unit}</bdi>
        </li>
      ))}
      {totals.length > UNITS_MAX ? (
        <li>and {totals.length - UNITS_MAX} more units: the window “whole range” shows them</li>
      ) : null}
    </ul>
  );
}
