/** A question whose answer is exported to a file, every row of it. Each domain defines its own reports. */
import type { ClientBase } from 'pg';
import type { TObject } from 'typebox';
import type { TenantScope } from '../core/tenant-scope.ts';
import type { Span } from './instants.ts';

export interface Report {
  /** Part of the API. */
  readonly name: string;
  /** What a row is, as a sentence. */
  readonly description: string;
  /** The schema of its parameters. Values that match it may still be refused by `ask`. */
  readonly parameters: TObject;
  /** @throws ProblemError 400 A parameter is wrong. */
  ask(parameters: unknown, context: ReportContext): Promise<ReportQuestion>;
}

export interface ReportContext {
  /** For lookups, such as that of a time zone. */
  readonly client: Pick<ClientBase, 'query'>;
  /** The tenants that the answer may name. Row-level security is the second guard. */
  readonly scope: TenantScope;
  /** Rows that came later are left out, so that the same question has the same answer. */
  readonly asOf: Date;
  /** The length of a window of this installation. */
  readonly windowSeconds: number;
}

export interface Statement {
  readonly text: string;
  /** Strings, numbers, booleans, dates, lists of strings, null. */
  readonly values: readonly unknown[];
}

/**
 * - `text`: the SQL column is text.
 * - `number`: an integer. `boolean`: `true` or `false`. Neither has quotes in NDJSON.
 * - `json`: embedded in NDJSON, its text in CSV.
 */
export type ReportColumnKind = 'text' | 'number' | 'boolean' | 'json';

export interface ReportQuestion {
  /** Names and kinds of the columns that `select` has. */
  readonly columns: Readonly<Record<string, ReportColumnKind>>;
  /** In a total order. */
  readonly select: Statement;
  /** The sum of each unit (columns `unit` and `total`, as texts), where the rows have `use_unity` and `used_amount`. */
  readonly sums?: Statement;
}

/** An instant in UTC with milliseconds, as the API writes it. */
export function sqlInstant(expression: string): string {
  return `to_char(${expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/** SQL in which `?` stands for the value. Undefined: no condition. */
export type SqlCondition = readonly [sql: string, value: unknown];

export function sqlWhere(conditions: readonly SqlCondition[]): Statement {
  const given = conditions.filter(([, value]) => value !== undefined);
  const texts = given.map(([condition], index) => condition.replace('?', `$${index + 1}`));
  return {
    text: texts.length === 0 ? '' : `WHERE ${texts.join(' AND ')}`,
    values: given.map(([, value]) => value),
  };
}

/** The instant lies in the span. */
export function spanConditions(
  expression: string,
  { fromMs, toMs }: Partial<Span>,
): SqlCondition[] {
  return [
    [`${expression} >= ?::timestamptz`, fromMs === undefined ? undefined : new Date(fromMs)],
    [`${expression} < ?::timestamptz`, toMs === undefined ? undefined : new Date(toMs)],
  ];
}
