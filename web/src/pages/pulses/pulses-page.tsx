/** Pulses: the sums as each flush wrote them. */
import { useLocation } from 'wouter';
import { api, dataOf } from '../../api/client.ts';
import { CopyButton, curlOf } from '../../parts/copy.tsx';
import { DataTable, type Column } from '../../parts/data-table.tsx';
import { Filters } from '../../parts/filters.tsx';
import { useHref } from '../../parts/link.tsx';
import { Empty, Loaded } from '../../parts/loaded.tsx';
import { Page } from '../../parts/page.tsx';
import { useSegments } from '../../parts/segments.ts';
import { instantOf } from '../../parts/range.ts';
import { RangeFilter, useSpan } from '../../parts/range-filter.tsx';
import { Time } from '../../parts/time.tsx';
import { useParameters } from '../../parts/url-state.ts';
import { useList } from '../../parts/use-list.ts';
import { digits } from '../../parts/words.ts';
import { useZone } from '../../parts/zone.ts';
import { PulseDetail } from './pulse-detail.tsx';

const ROWS_A_PAGE = 200;
const RANGE_DEFAULT = 'last_7_days';
/** Begins the walk through all rows. */
const START = '0';

type PulsesQuestion = Readonly<
  Partial<Record<'tenant' | 'product_sku' | 'use_unity' | 'from' | 'to', string>>
>;

const readPage = (question: PulsesQuestion, after: string, signal: AbortSignal) =>
  dataOf(
    api.GET('/api/v1/pulses', {
      params: { query: { ...question, after, limit: ROWS_A_PAGE } },
      signal,
    }),
  );

type PulseRow = Awaited<ReturnType<typeof readPage>>['data'][number];

/** A page may be empty although more follow. */
async function readRows(question: PulsesQuestion, after: string | undefined, signal: AbortSignal) {
  let cursor = after ?? START;
  for (;;) {
    const { data, next = null } = await readPage(question, cursor, signal);
    if (data.length > 0 || next === null) return { data, next };
    cursor = next;
  }
}

const COLUMNS: readonly Column<PulseRow>[] = [
  { head: 'Id', cell: ({ id }) => id, numeric: true },
  { head: 'Hour', cell: ({ window_start: at }) => <Time at={at} /> },
  { head: 'Tenant', cell: ({ tenant }) => <bdi>{tenant}</bdi> },
  { head: 'SKU', cell: ({ product_sku: sku }) => <bdi>{sku}</bdi> },
  { head: 'Amount', cell: ({ used_amount: amount }) => digits(amount), numeric: true },
  { head: 'Unit', cell: ({ use_unity: unit }) => <bdi>{unit}</bdi> },
  { head: 'Pulses', cell: ({ pulse_count: pulses }) => digits(pulses), numeric: true },
  { head: 'Flushed', cell: ({ flushed_at: at }) => <Time at={at} />, wideOnly: true },
];

export function PulsesPage() {
  const [, id] = useSegments();
  return id === undefined ? <PulsesList /> : <PulseDetail id={id} />;
}

function PulsesList() {
  const [, navigate] = useLocation();
  const href = useHref();
  const question = useQuestion();
  const pulses = useList(['pulses', question], (after, signal) =>
    readRows(question, after, signal),
  );
  return (
    <Page
      title="Pulses"
      actions={
        <CopyButton
          label="Copy as curl"
          text={curlOf('/api/v1/pulses', { ...question, after: START, limit: ROWS_A_PAGE })}
        />
      }
    >
      <Filters
        filters={[
          { name: 'tenant', label: 'Tenant', kind: 'text' },
          { name: 'product_sku', label: 'SKU', kind: 'text' },
          { name: 'use_unity', label: 'Unit', kind: 'text' },
        ]}
      >
        <RangeFilter byDefault={RANGE_DEFAULT} />
      </Filters>
      <Loaded query={pulses}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty>
              No flush has written such a row. Usage also shows what is not flushed yet.
            </Empty>
          ) : (
            <DataTable
              label="Pulses"
              columns={COLUMNS}
              rows={rows}
              rowKey={({ id }) => id}
              onOpen={({ id }) => {
                navigate(href(`/pulses/${id}`));
              }}
              hasMore={pulses.hasMore}
              loadMore={pulses.loadMore}
            />
          )
        }
      </Loaded>
    </Page>
  );
}

function useQuestion(): PulsesQuestion {
  const [parameters] = useParameters();
  const zone = useZone();
  const { from, to } = useSpan(RANGE_DEFAULT);
  const places = Object.entries({ from, to }).flatMap(([name, place]) =>
    place === undefined ? [] : [[name, instantOf(place, zone)] as const],
  );
  const texts = ['tenant', 'product_sku', 'use_unity'].flatMap((name) => {
    const text = parameters.get(name) ?? '';
    return text === '' ? [] : [[name, text] as const];
  });
  return Object.fromEntries([...texts, ...places]);
}
