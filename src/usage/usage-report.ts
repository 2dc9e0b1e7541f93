/** The report `usage`: sums by window and group, as GET /usage answers them for what is flushed. */
import { Type, type Static } from 'typebox';
import type { Report, ReportColumnKind } from '../http/report.ts';
import { NOTHING_HELD } from './fold-held.ts';
import type { UsageQuery } from './usage.ts';
import { parseUsageParameters } from './usage-parameters.ts';
import { flushedSums, usageStatement } from './usage-query.ts';
import { UsageParameters } from './usage-schema.ts';

const Parameters = Type.Omit(UsageParameters, ['limit', 'after', 'live', 'as_of'], {
  additionalProperties: false,
});

export const usageReport: Report = {
  name: 'usage',
  description: 'A sum of usage, as `GET /usage` answers it for everything that is flushed.',
  parameters: Parameters,
  async ask(given, { client, scope, asOf, windowSeconds }) {
    const parameters = given as Static<typeof Parameters>;
    const parsed = await parseUsageParameters(client, { scope, windowSeconds }, parameters);
    const query: UsageQuery = { ...parsed, asOfMs: asOf.getTime(), live: false };
    return {
      columns: columnsOf(query),
      select: selectRows(query),
      sums: flushedSums(query),
    };
  },
};

function columnsOf({ window, groups }: UsageQuery): Record<string, ReportColumnKind> {
  const texts = window === 'none' ? groups : ['window_start', 'window_end', ...groups];
  return {
    ...Object.fromEntries(texts.map((name) => [name, 'text'] as const)),
    used_amount: 'text',
    pulse_count: 'number',
  };
}

function selectRows(query: UsageQuery) {
  const { text, values } = usageStatement(query, NOTHING_HELD);
  const windows = query.window === 'none' ? [] : [label('start'), label('end')];
  // A number in NDJSON, as GET /usage has it.
  const columns = [...windows, ...query.groups, 'used_amount', 'pulse_count::numeric'];
  return { text: `SELECT ${columns.join(', ')} FROM (${text}) AS sums`, values };
}

/** One end of a window, with the offset of the time zone, as GET /usage writes it. */
function label(end: 'start' | 'end'): string {
  const [at, offset] = [`${end}s_at`, `${end}_offset`];
  const isUtc = `${offset} = 0 OR ${offset} % 60 <> 0`;
  const local = `${at} AT TIME ZONE 'UTC' + make_interval(secs => CASE WHEN ${isUtc} THEN 0 ELSE ${offset} END)`;
  const zone = `CASE WHEN ${isUtc} THEN 'Z' ELSE
    CASE WHEN ${offset} < 0 THEN '-' ELSE '+' END || to_char(make_interval(secs => abs(${offset})), 'HH24:MI') END`;
  return `to_char(${local}, 'YYYY-MM-DD"T"HH24:MI:SS') || ${zone} AS window_${end}`;
}
