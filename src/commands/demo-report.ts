/** The demo's result as text for people. */
import type { AnsweredRow } from './demo-ledger.ts';
import { ordersAgree, type DemoOrders } from './demo-orders.ts';

export interface DemoResult {
  readonly published: number;
  readonly counted: number;
  readonly duplicates: number;
  readonly deadLetters: number;
  readonly deadLettersByReason: Readonly<Record<string, number>>;
  readonly rowCount: number;
  /** Pulses counted but missing from the rows that the API answers. */
  readonly drift: number;
  /** Sums and counts that differ from what was sent. */
  readonly differences: readonly string[];
  readonly sample: readonly AnsweredRow[];
  readonly orders: DemoOrders;
  /** Everything that was sent was answered, and nothing else. */
  readonly agrees: boolean;
  readonly seconds: number;
}

const DIFFERENCES_SHOWN = 10;

export function describeDemo(result: DemoResult): string[] {
  const reasons = Object.entries(result.deadLettersByReason)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 3)
    .map(([reason, count]) => `${reason} ${count}`);
  const line = (label: string, count: number, meaning: string): string =>
    `  ${label.padEnd(16)}${count.toLocaleString('en-US').padStart(12)}   ${meaning}`;
  const lines = [
    '',
    line('published', result.published, 'pulses, each confirmed by RabbitMQ'),
    line(
      '├ counted',
      result.counted,
      `once each, in ${result.rowCount.toLocaleString('en-US')} hourly rows`,
    ),
    line('├ duplicates', result.duplicates, 'refused: their id was seen before'),
    line('└ dead letters', result.deadLetters, `quarantined: ${reasons.join(', ')}, …`),
    line('drift', result.drift, verdict(result)),
    '',
    `  ${'tenant'.padEnd(14)}${'product_sku'.padEnd(16)}${'hour (UTC)'.padEnd(15)}${'pulses'.padStart(7)}${'used_amount'.padStart(28)}`,
  ];
  for (const row of result.sample) {
    lines.push(
      `  ${fit(row.tenant, 14)}${fit(row.product_sku, 16)}${row.window_start.slice(0, 13).replace('T', ' ')}h ` +
        `${String(row.pulse_count).padStart(7)}${row.used_amount.padStart(28)} ${row.use_unity}`,
    );
  }
  lines.push('');
  const { completed, failed, replayed } = result.orders;
  lines.push(
    line('orders', completed, 'completed, priced from the catalogue'),
    line('├ failed', failed, 'at first: its product was not in the catalogue'),
    line('└ replayed', replayed, 'from its dead letter, once the product was there'),
    ...(ordersAgree(result.orders) ? [] : ['  THE ORDERS DID NOT END as they must']),
    '',
  );
  for (const difference of result.differences.slice(0, DIFFERENCES_SHOWN)) {
    lines.push(`  DIFFERS  ${difference}`);
  }
  return lines;
}

function verdict({ agrees, differences }: DemoResult): string {
  if (agrees) return 'every sum that the API answers equals what was sent, to the ninth decimal';
  return differences.length > 0
    ? `${differences.length} SUMS DIFFER from what was sent`
    : 'THE COUNTS DO NOT AGREE with what was sent';
}

/** Pads or cuts to `width` UTF-16 units, never through the middle of a character. */
function fit(text: string, width: number): string {
  if (text.length < width) return text.padEnd(width);
  return `${text.slice(0, width - 2).replace(/\p{Cs}$/u, '')}…`.padEnd(width);
}
