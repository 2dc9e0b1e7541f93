/** Usage rows as CSV (RFC 4180) and as newline-delimited JSON. */
import { BOM, toCsvField, toSpreadsheetField } from '../http/csv.ts';
import type { RowEncoder } from './stream-usage.ts';
import type { UsageQuery, UsageRow } from './usage.ts';

export const NDJSON_ENCODER: RowEncoder = {
  head: '',
  encode: (row) => `${JSON.stringify(row)}\n`,
};

/** A header line, then one line per row; lines end with CRLF. */
export function csvEncoder(
  { window, groups }: Pick<UsageQuery, 'window' | 'groups'>,
  { spreadsheet = false } = {},
): RowEncoder {
  const windowColumns = window === 'none' ? [] : (['window_start', 'window_end'] as const);
  const columns: readonly (keyof UsageRow)[] = [
    ...windowColumns,
    ...groups,
    'used_amount',
    'pulse_count',
    'provisional',
  ];
  const toField = spreadsheet ? toSpreadsheetField : toCsvField;
  return {
    head: `${spreadsheet ? BOM : ''}${columns.join(',')}\r\n`,
    encode: (row) => `${columns.map((column) => toField(String(row[column]))).join(',')}\r\n`,
  };
}
