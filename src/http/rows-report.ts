/** A report of rows: by the instant of the report, the tenants of the caller, a few columns and a span of time. */
import { Type, type TSchema } from 'typebox';
import { tenantsOf } from '../core/tenant-scope.ts';
import { spanFrom } from './instants.ts';
import { spanParameters } from './page-schema.ts';
import { spanConditions, sqlWhere, type Report, type ReportQuestion } from './report.ts';
import { querySchema } from './schema-terms.ts';

/** A column may be any SQL expression. */
interface RowsReport extends Pick<Report, 'name' | 'description'> {
  /** When the row came. */
  readonly cameAt: string;
  /** Whose row it is. */
  readonly tenant: string;
  /** Parameters by name: the column that must equal the value, and the schema of the value. */
  readonly filters: Readonly<Record<string, readonly [column: string, schema: TSchema]>>;
  /** What `from` and `to` are about: the column, and what is left, such as `orders accepted`. */
  readonly span: readonly [column: string, what: string];
  readonly columns: ReportQuestion['columns'];
  /** @param where Begins with `WHERE`; `$1` is the instant of the report. @returns SQL. */
  readonly select: (where: string) => string;
  readonly sums?: (where: string) => string;
}

export function rowsReport(report: RowsReport): Report {
  const { name, description, cameAt, tenant, filters, span, columns, select, sums } = report;
  const schemas = Object.entries(filters).map(([parameter, [, schema]]) => [
    parameter,
    Type.Optional(schema),
  ]);
  return {
    ...{ name, description },
    parameters: querySchema({
      ...(Object.fromEntries(schemas) as Record<string, TSchema>),
      ...spanParameters(span[1]),
    }),
    ask(parameters, { scope, asOf }) {
      const given = parameters as Readonly<Record<string, string | undefined>>;
      const { text, values } = sqlWhere([
        [`${cameAt} <= ?::timestamptz`, asOf],
        [`${tenant} = ANY(?::text[])`, tenantsOf(scope)],
        ...Object.entries(filters).map(
          ([parameter, [column]]) => [`${column} = ?`, given[parameter]] as const,
        ),
        ...spanConditions(span[0], spanFrom(given)),
      ]);
      return Promise.resolve({
        columns,
        select: { text: select(text), values },
        ...(sums === undefined ? {} : { sums: { text: sums(text), values } }),
      });
    },
  };
}
