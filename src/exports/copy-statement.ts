/** The COPY that writes the answer of a question as CSV or NDJSON. Postgres formats the rows; Node only passes them on. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import { FORMULA } from '../http/csv.ts';
import type { ReportColumnKind, ReportQuestion, Statement } from '../http/report.ts';
import type { FileShape } from './exports.ts';

/**
 * COPY takes no parameters, so the values are written into the statement as literals.
 *
 * NDJSON is CSV with one column. Its delimiter and quote are characters that JSON text never holds, so nothing is quoted.
 */
export function copyStatement(
  { columns, select }: ReportQuestion,
  { format, spreadsheet }: Pick<FileShape, 'format' | 'spreadsheet'>,
): string {
  const rows = inlineValues(select);
  const entries = Object.entries(columns);
  if (format === 'csv') {
    const fields = entries.map(([name, kind]) => csvField(name, kind, spreadsheet));
    return `COPY (SELECT ${fields.join(', ')} FROM (${rows}) AS answer) TO STDOUT (FORMAT csv)`;
  }
  const members = entries.map(([name, kind]) => ndjsonMember(name, kind));
  return `COPY (SELECT row_to_json(line) FROM (SELECT ${members.join(', ')} FROM (${rows}) AS answer) AS line)
    TO STDOUT (FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01')`;
}

/** How many rows Postgres expects. */
export function estimateStatement({ select }: Pick<ReportQuestion, 'select'>): string {
  return `EXPLAIN (FORMAT JSON) ${inlineValues(select)}`;
}

function csvField(name: string, kind: ReportColumnKind, spreadsheet: boolean): string {
  const column = escapeIdentifier(name);
  if (kind === 'number') return column;
  if (kind === 'boolean') return `${column}::text`;
  const text = kind === 'json' ? `${column}::text` : column;
  if (!spreadsheet) return text;
  return `CASE WHEN ${text} ~ ${escapeLiteral(FORMULA.source)} THEN '''' || ${text} ELSE ${text} END`;
}

/** Line breaks in JSON text stand between tokens only, where a space is as good. */
function ndjsonMember(name: string, kind: ReportColumnKind): string {
  const column = escapeIdentifier(name);
  return kind === 'json'
    ? `translate(${column}::text, E'\\n\\r', '  ')::json AS ${column}`
    : column;
}

/** @throws TypeError A value cannot be written. */
export function inlineValues({ text, values }: Statement): string {
  return text.replace(/\$(\d+)/g, (_, number: string) => literalOf(values[Number(number) - 1]));
}

function literalOf(value: unknown): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return escapeLiteral(value);
  if (typeof value === 'number' && Number.isFinite(value)) return `(${value})`;
  if (typeof value === 'boolean') return String(value);
  if (value instanceof Date) return escapeLiteral(instantText(value));
  if (Array.isArray(value)) return `ARRAY[${value.map(literalOf).join(', ')}]`;
  throw new TypeError(`A value of type ${typeof value} cannot be written into a statement.`);
}

/** Postgres reads neither the year 0, which it calls 1 BC, nor a sign before a year. */
function instantText(instant: Date): string {
  const year = instant.getUTCFullYear();
  const afterYear = instant.toISOString().slice(-AFTER_YEAR_LENGTH);
  const digits = String(year > 0 ? year : 1 - year).padStart(4, '0');
  return `${digits}${afterYear}${year > 0 ? '' : ' BC'}`;
}

const AFTER_YEAR_LENGTH = '-01-31T13:00:00.000Z'.length;
