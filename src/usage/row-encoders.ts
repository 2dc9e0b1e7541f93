/** Usage rows as CSV (RFC 4180) and as newline-delimited JSON. */
import type { RowEncoder } from './stream-usage.ts';
import type { UsageQuery, UsageRow } from './usage.ts';

export const NDJSON_ENCODER: RowEncoder = {
  head: '',
  encode: (row) => `${JSON.stringify(row)}\n`,
};

/** A header line, then one line per row; lines end with CRLF. */
export function csvEncoder({ window, groups }: Pick<UsageQuery, 'window' | 'groups'>): RowEncoder {
  const windowColumns = window === 'none' ? [] : (['window_start', 'window_end'] as const);
  const columns: readonly (keyof UsageRow)[] = [
    ...windowColumns,
    ...groups,
    'used_amount',
    'pulse_count',
    'provisional',
  ];
  return {
    head: `${columns.join(',')}\r\n`,
    encode: (row) => `${columns.map((column) => toCsvField(String(row[column]))).join(',')}\r\n`,
  };
}

const NEEDS_QUOTES = /[",\r\n]|^[=+\-@\s]|\s$/;

/**
 * Quotes a field that holds a separator. A field that a spreadsheet might take for a formula is quoted too, but
 * its text stays as it is, so that a program reads the exact name of the tenant.
 */
export function toCsvField(text: string): string {
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
