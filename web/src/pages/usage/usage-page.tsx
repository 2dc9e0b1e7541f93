/** Usage by tenant, SKU, unit and window: a chart and a table of the same sums. */
import { Group, Text } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { CopyButton, curlOf, pathWith } from '../../parts/copy.tsx';
import { DataTable } from '../../parts/data-table.tsx';
import { DownloadButton } from '../../parts/download.tsx';
import { Empty, Loaded, Loading } from '../../parts/loaded.tsx';
import { useIsNarrow } from '../../parts/narrow.ts';
import { Page } from '../../parts/page.tsx';
import { patiently } from '../../parts/patient-import.ts';
import type { LoadMore } from '../../parts/use-list.ts';
import { digits } from '../../parts/words.ts';
import { DayShiftNotice, ObstacleNotice } from './bounds-notice.tsx';
import { ExportUsage } from './export-usage.tsx';
import { FreshnessInWords } from './freshness.tsx';
import { useAsking, type UsageQuestion } from './question.ts';
import { TotalsList } from './totals-list.tsx';
import { columnsFor } from './usage-columns.tsx';
import { UsageFilters } from './usage-filters.tsx';
import { useUsage, type Usage } from './use-usage.ts';

const UsageCharts = lazy(async () => ({
  default: (await patiently(() => import('./usage-chart.tsx'))).UsageCharts,
}));

export function UsagePage() {
  const asking = useAsking();
  const question = asking.state === 'ready' ? asking.question : undefined;
  return (
    <Page
      title="Usage"
      actions={question === undefined ? null : <UsageActions question={question} />}
    >
      <UsageFilters />
      {asking.state === 'refused' ? <ObstacleNotice obstacle={asking.obstacle} /> : null}
      {asking.state === 'waiting' ? (
        <Loaded query={asking.windowLength}>{() => null}</Loaded>
      ) : null}
      {asking.state === 'ready' && asking.shift !== undefined ? (
        <DayShiftNotice shift={asking.shift} question={asking.question} />
      ) : null}
      {question === undefined ? null : <AskedUsage question={question} />}
    </Page>
  );
}

interface QuestionProps {
  readonly question: UsageQuestion;
}

function UsageActions({ question }: QuestionProps) {
  return (
    <Group gap="xs">
      <CopyButton label="Copy as curl" text={curlOf('/api/v1/usage', { ...question })} />
      <DownloadButton
        label="Download CSV"
        path={pathWith('/api/v1/usage.csv', { ...question })}
        fileName={fileName(question)}
      />
      <ExportUsage question={question} />
    </Group>
  );
}

function AskedUsage({ question }: QuestionProps) {
  const usage = useUsage(question);
  return (
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
  const isNarrow = useIsNarrow();
  const hasProvisional = rows.some(({ provisional }) => provisional);
  const columns = columnsFor(question, { hasProvisional, isNarrow });
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

function fileName({ from, to }: UsageQuestion): string {
  const span = [from, to].filter((place) => place !== undefined).join('--');
  return `usage${span === '' ? '' : `-${span.replaceAll(':', '')}`}.csv`;
}
