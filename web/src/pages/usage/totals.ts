/** The sums of amounts with all their digits, one for each unit: gigabytes and hours have no sum. */
import type { UsageRow } from './usage-row.ts';

export interface Total {
  readonly unit: string;
  readonly amount: string;
}

export function totalsOf(rows: readonly UsageRow[]): Total[] {
  const byUnit = new Map<string, string[]>();
  for (const { use_unity: unit, used_amount: amount } of rows) {
    const amounts = byUnit.get(unit);
    if (amounts === undefined) byUnit.set(unit, [amount]);
    else amounts.push(amount);
  }
  return [...byUnit].map(([unit, amounts]) => ({ unit, amount: sumOf(amounts) }));
}

/** Of decimal numbers of any length. */
export function sumOf(amounts: readonly string[]): string {
  const places = amounts.reduce((most, amount) => Math.max(most, fractionOf(amount).length), 0);
  const sum = amounts.reduce((before, amount) => before + scaled(amount, places), 0n);
  const sign = sum < 0n ? '-' : '';
  const all = String(sum < 0n ? -sum : sum).padStart(places + 1, '0');
  const whole = all.slice(0, all.length - places);
  const fraction = all.slice(all.length - places).replace(/0+$/, '');
  return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** As a whole number of units in the last place. */
function scaled(amount: string, places: number): bigint {
  const [whole = '0'] = amount.split('.');
  return BigInt(`${whole}${fractionOf(amount).padEnd(places, '0')}`);
}

function fractionOf(amount: string): string {
  return amount.split('.')[1] ?? '';
}
