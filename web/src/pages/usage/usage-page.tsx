/** Usage by tenant, SKU, unit and window: a chart and a table of the same sums. */
import { Group, Text } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { CopyButton, curlOf, pathWith } from '../../parts/copy.tsx';
import { DataTable, type Column } from '../../parts/data-table.tsx';
import { DownloadButton } from '../../parts/download.tsx';
import { Empty, Loaded, Loading } from '../../parts/loaded.tsx';
import { Page } from '../../parts/page.tsx';
import { patiently } from '../../parts/patient-import.ts';
import type { LoadMore } from '../../parts/use-list.ts';
import { digits } from '../../parts/words.ts';
import { ExportUsage } from './export-usage.tsx';
import { FreshnessInWords } from './freshness.tsx';
import { NearestRange } from './nearest-range.tsx';
import { useQuestion, type UsageQuestion } from './question.ts';
import { TotalsList } from './totals-list.tsx';
import { UsageFilters } from './usage-filters.tsx';
import type { UsageRow } from './usage-row.ts';
import { useUsage, type Usage } from './use-usage.ts';
import { WindowTime } from './window-time.tsx';

const UsageCharts = lazy(async () => ({
  default: (await patiently(() => import('./usage-chart.tsx'))).UsageCharts,
}));

export function UsagePage() {
  const question = useQuestion();
  const usage = useUsage(question);
  return (
    <Page
      title="Usage"
      actions={
        <Group gap="xs">
          <CopyButton label="Copy as curl" text={curlOf('/api/v1/usage', { ...question })} />
          <DownloadButton
            label="Download CSV"
            path={pathWith('/api/v1/usage.csv', { ...question })}
            fileName={fileName(question)}
          />
          <ExportUsage question={question} />
        </Group>
      }
    >
      <UsageFilters />
      <NearestRange error={usage.error} question={question} />
      <Loaded query={usage}>
        {(answer) => (
          <Answer
            answer={answer}
            question={question}
            hasMore={usage.hasMore}
            loadMore={usage.loadMore}
          />
        )}
      </Loaded>
    </Page>
  );
}

interface AnswerProps {
  readonly answer: Usage;
  readonly question: UsageQuestion;
  readonly hasMore: boolean;
  readonly loadMore: LoadMore;
}

function Answer({ answer: { rows, freshness }, question, hasMore, loadMore }: AnswerProps) {
  const hasChart = question.window !== 'none';
  const columns = columnsFor(
    question,
    rows.some(({ provisional }) => provisional),
  );
  return (
    <>
      <FreshnessInWords freshness={freshness} question={question} />
      {rows.length === 0 ? (
        <Empty>Nothing was used in this range.</Empty>
      ) : (
        <div className={hasChart ? 'halves wide-table' : ''}>
          {hasChart ? (
            <div>
              <Suspense fallback={<Loading />}>
                <UsageCharts rows={rows} question={question} />
              </Suspense>
              {hasMore ? (
                <Text size="xs">
                  The chart shows the newest {digits(rows.length)} sums, which the table has loaded.
                </Text>
              ) : null}
            </div>
          ) : null}
          <div>
            <TotalsList rows={rows} hasMore={hasMore} />
            <DataTable
              label="Usage"
              columns={columns}
              rows={rows}
              rowKey={(row) =>
                JSON.stringify([row.window_start, row.tenant, row.product_sku, row.use_unity])
              }
              hasMore={hasMore}
              loadMore={loadMore}
            />
          </div>
        </div>
      )}
    </>
  );
}

function columnsFor(
  { window, group_by: groups = [] }: UsageQuestion,
  hasProvisional: boolean,
): Column<UsageRow>[] {
  return [
    ...(window === 'none'
      ? []
      : [{ head: 'From', cell: (row: UsageRow) => <WindowTime row={row} /> }]),
    ...(groups.includes('tenant')
      ? [{ head: 'Tenant', cell: ({ tenant }: UsageRow) => <bdi>{tenant}</bdi> }]
      : []),
    ...(groups.includes('product_sku')
      ? [{ head: 'SKU', cell: ({ product_sku: sku }: UsageRow) => <bdi>{sku}</bdi> }]
      : []),
    // Before the amount, which may be long: a number without its unit says nothing.
    { head: 'Unit', cell: ({ use_unity: unit }) => <bdi>{unit}</bdi> },
    {
      head: 'Amount',
      cell: ({ used_amount: amount }) => digits(amount),
      numeric: true,
    },
    ...(hasProvisional
      ? [
          {
            head: 'State',
            cell: ({ provisional }: UsageRow) =>
              provisional ? <span className="provisional-text">provisional</span> : null,
          },
        ]
      : []),
    { head: 'Pulses', cell: ({ pulse_count: pulses }) => digits(pulses), numeric: true },
  ];
}

function fileName({ from, to }: UsageQuestion): string {
  const span = [from, to].filter((place) => place !== undefined).join('--');
  return `usage${span === '' ? '' : `-${span.replaceAll(':', '')}`}.csv`;
}
