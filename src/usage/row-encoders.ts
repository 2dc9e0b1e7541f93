/** Usage rows as CSV (RFC 4180) and as newline-delimited JSON. */
import type { RowEncoder } from './stream-usage.ts';
import type { UsageQuery, UsageRow } from './usage-query.ts';

/** One JSON object a line. */
export const NDJSON_ENCODER: RowEncoder = {
  head: '',
  encode: (row) => `${JSON.stringify(row)}\n`,
};

/** A header line, then one line a row; lines end with CRLF. */
export function csvEncoder({ window, groups }: Pick<UsageQuery, 'window' | 'groups'>): RowEncoder {
  const columns: readonly (keyof UsageRow)[] = [
    ...(window === 'none' ? [] : (['window_start', 'window_end'] as const)),
    ...groups,
    ...(['used_amount', 'pulse_count', 'provisional'] as const),
  ];
  return {
    head: `${columns.join(',')}\r\n`,
    encode: (row) => `${columns.map((column) => toCsvField(String(row[column]))).join(',')}\r\n`,
  };
}

const NEEDS_QUOTES = /[",\r\n]|^[=+\-@\s]|\s$/;

/**
 * Quotes what would end a field. Quotes as well what a spreadsheet could take for a formula, but leaves the
 * text as it is: whoever reads it back must find the tenant's own name.
 */
export function toCsvField(text: string): string {
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
